import {constants} from 'node:os';
import {Protocol} from 'netlink';
import type {Capabilities} from '../netlinker.js';
import {Channel} from './channel.js';
import {probeGre} from './links.js';
import type {Requests} from './requests.js';
import {canAbortSockets} from './socket-abort.js';

/** Finds out what the kernel and this process can do, and changes nothing by it (the kernel may load `ip_gre`). */
export async function probeCapabilities(requests: Requests): Promise<Capabilities> {
  const {refused} = await requests.exchange('capabilities', requests.channel, probeGre());
  const errno = refused[0]?.errno;
  return {
    netAdmin: errno !== constants.errno.EPERM,
    gre: errno === constants.errno.EINVAL,
    socketAbort: await socketAbort(),
  };
}

/** On a socket of its own: it speaks another protocol and is needed once. */
async function socketAbort(): Promise<boolean> {
  let channel: Channel;
  try {
    channel = new Channel(Protocol.SOCK_DIAG);
  } catch {
    return false; // a kernel without the protocol at all
  }
  using diagnosis = channel;
  return await canAbortSockets(diagnosis);
}
