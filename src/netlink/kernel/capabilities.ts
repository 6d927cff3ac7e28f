import {constants} from 'node:os';
import type {Capabilities} from '../netlinker.js';
import {probeGre} from './links.js';
import type {Requests} from './requests.js';
import type {Sockets} from './sockets.js';

/** Finds out what the kernel and this process can do, and changes nothing by it (the kernel may load a module). */
export async function probeCapabilities(requests: Requests, sockets: Sockets): Promise<Capabilities> {
  const {refused} = await requests.exchange('capabilities', requests.channel, probeGre());
  const errno = refused[0]?.errno;
  return {
    netAdmin: errno !== constants.errno.EPERM,
    gre: errno === constants.errno.EINVAL,
    socketAbort: await sockets.canAbort('capabilities'),
  };
}
