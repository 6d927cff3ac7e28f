import type {Netlinker} from '../netlink/netlinker.js';
import type {Logger} from '../telemetry/logger.js';
import {systemClock} from './clock.js';
import {KernelSockets} from './kernel/kernel-sockets.js';
import {LinkBoundSpeaker} from './link-bound-speaker.js';
import {MemorySockets} from './memory-sockets.js';
import type {MulticastSpeaker} from './multicast-speaker.js';

/** Speaks on this machine's interfaces. */
export const openKernelSpeaker = (netlinker: Netlinker, log: Logger): MulticastSpeaker =>
  new LinkBoundSpeaker({netlinker, sockets: new KernelSockets(), clock: systemClock, log});

/** Speaks on a wire at whose other end nobody listens. */
export const openMemorySpeaker = (netlinker: Netlinker, log: Logger): MulticastSpeaker =>
  new LinkBoundSpeaker({netlinker, sockets: new MemorySockets(), clock: systemClock, log});
