import type {ChildProcess} from 'node:child_process';
import {EventEmitter, on, once} from 'node:events';
import type {Readable} from 'node:stream';
import type {Namespace} from './namespace.js';
import {patience} from './patience.js';

/** A request about a link that some program sent to the kernel. */
export interface LinkRequest {
  readonly what: 'lower' | 'delete';
  /** The interface it is about, by index or by name, whichever the request gives. */
  readonly target: number | string;
}

// linux/netlink.h, linux/rtnetlink.h, linux/if.h, linux/if_link.h
const [headerLength, linkHeaderLength] = [16, 16];
const [newLink, delLink, setLink] = [16, 17, 19];
const isRequest = 1;
const iffUp = 1;
const iflaIfname = 3;

const aligned = (length: number): number => (length + 3) & ~3;

function nameIn(attributes: Buffer): string {
  for (let at = 0; at + 4 <= attributes.length; ) {
    const length = attributes.readUInt16LE(at);
    if (length < 4) break;
    if (attributes.readUInt16LE(at + 2) === iflaIfname) {
      return attributes.toString('latin1', at + 4, at + length).replace(/\0.*$/, '');
    }
    at += aligned(length);
  }
  return '';
}

function linkRequest(message: Buffer): LinkRequest | undefined {
  const type = message.readUInt16LE(4);
  const wanted = type === newLink || type === setLink || type === delLink;
  if (!wanted || (message.readUInt16LE(6) & isRequest) === 0) return undefined;
  const index = message.readInt32LE(headerLength + 4);
  const flags = message.readUInt32LE(headerLength + 8);
  const change = message.readUInt32LE(headerLength + 12);
  const target = index === 0 ? nameIn(message.subarray(headerLength + linkHeaderLength)) : index;
  if (type === delLink) return {what: 'delete', target};
  return (change & iffUp) !== 0 && (flags & iffUp) === 0 ? {what: 'lower', target} : undefined;
}

/** All link requests in a packet, which may carry many messages. */
function* linkRequests(packet: Buffer): Generator<LinkRequest> {
  for (let at = 0; at + headerLength + linkHeaderLength <= packet.length; ) {
    const length = packet.readUInt32LE(at);
    if (length < headerLength) break;
    const request =
      length < headerLength + linkHeaderLength ? undefined : linkRequest(packet.subarray(at, at + length));
    if (request) yield request;
    at += aligned(length);
  }
}

/** Packets of a capture file as they come in; link type NETLINK, whose own header of 16 octets is left out. */
async function* packets(capture: Readable): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0);
  let header = 24;
  for await (const chunk of capture) {
    pending = Buffer.concat([pending, chunk]);
    if (header > 0 && pending.length >= header) {
      pending = pending.subarray(header);
      header = 0;
    }
    while (header === 0 && pending.length >= 16 && pending.length >= 16 + pending.readUInt32LE(8)) {
      const end = 16 + pending.readUInt32LE(8);
      yield pending.subarray(32, end);
      pending = pending.subarray(end);
    }
  }
}

/**
 * The kernel's own copy of what programs ask it for, through an `nlmon` device. Notifications cannot tell a link that
 * was lowered and then deleted from one that was deleted outright: the kernel lowers the latter by itself, and announces
 * both in the same way.
 */
export class NetlinkTap implements AsyncDisposable {
  readonly requests: LinkRequest[] = [];
  readonly #emitter = new EventEmitter();
  readonly #reading: Promise<void>;

  private constructor(
    private readonly capturing: ChildProcess,
    capture: Readable,
  ) {
    this.#reading = this.#read(capture);
  }

  static async open(namespace: Namespace): Promise<NetlinkTap> {
    await namespace.batch('link add tap type nlmon\nlink set tap up\n');
    const args = ['-i', 'tap', '--immediate-mode', '-U', '-Z', 'root', '-s', '2048', '-w', '-'];
    const capturing = namespace.spawn('tcpdump', args, ['ignore', 'pipe', 'pipe']);
    const {stdout, stderr} = capturing;
    if (stdout === null || stderr === null) throw new Error('no output from tcpdump');
    const tap = new NetlinkTap(capturing, stdout);
    let said = '';
    for await (const [chunk] of on(stderr, 'data', {close: ['end']})) {
      said += chunk;
      if (said.includes('listening on')) return tap;
    }
    throw new Error(`tcpdump: ${said}`);
  }

  async #read(capture: Readable): Promise<void> {
    for await (const packet of packets(capture)) {
      for (const request of linkRequests(packet)) {
        this.requests.push(request);
        this.#emitter.emit('request');
      }
    }
  }

  /** What was asked for about an interface, up to and with its deletion. Rejects where that does not come. */
  async untilDeletion(name: string, index: number, timeoutMs = patience * 30_000): Promise<LinkRequest['what'][]> {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const about = this.requests.filter(({target}) => target === name || target === index).map(({what}) => what);
      if (about.includes('delete')) return about;
      await once(this.#emitter, 'request', {signal});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.capturing.exitCode === null) this.capturing.kill();
    await this.#reading;
  }
}
