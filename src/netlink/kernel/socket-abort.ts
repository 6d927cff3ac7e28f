import {constants} from 'node:os';
import type {Channel} from './channel.js';
import {familyInet, flag, message, messageType} from './wire.js';

const protocolTcp = 6;

/** Bytes of struct inet_diag_req_v2. All zero but family and protocol: any state for none, and no such socket. */
const requestLength = 56;

function request(type: number, flags: number): Uint8Array {
  const payload = Buffer.alloc(requestLength);
  payload[0] = familyInet;
  payload[1] = protocolTcp;
  return message(type, flags, payload);
}

/**
 * Whether the kernel can abort sockets: asked to abort one that cannot exist, it answers ENOENT where it can. So it
 * does where TCP sockets cannot be looked at in the first place (no tcp_diag); listing none of them tells.
 */
export async function canAbortSockets(channel: Channel): Promise<boolean> {
  const listed = await channel.send(request(messageType.socketGet, flag.dump));
  if (listed.refused.length > 0) return false;
  const {refused} = await channel.send(request(messageType.socketDestroy, 0));
  return refused[0]?.errno === constants.errno.ENOENT;
}
