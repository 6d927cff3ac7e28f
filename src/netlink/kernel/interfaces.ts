import {type Link, NetlinkError, type Operation} from '../netlinker.js';
import {decodeLink, getLink, getLinkAt} from './links.js';
import type {Requests} from './requests.js';

/** IFNAMSIZ without the closing zero. */
const longestName = 15;

/** Names and indices of interfaces, asked afresh each time: another program may rename or replace one. */
export class Interfaces {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  async find(operation: Operation, name: string): Promise<Link | undefined> {
    if (Buffer.byteLength(name) > longestName) return undefined; // the kernel would answer ERANGE
    return unlessMissing(this.#requests.ask(operation, getLink(name), decodeLink));
  }

  /** Rejects with `missing`. */
  async index(operation: Operation, name: string): Promise<number> {
    return (await this.#requests.ask(operation, getLink(name), decodeLink)).index;
  }

  /** Those of the names that exist. */
  async indices(operation: Operation, names: Iterable<string>): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const name of new Set(names)) {
      const link = await this.find(operation, name);
      if (link !== undefined) found.set(name, link.index);
    }
    return found;
  }

  async name(operation: Operation, index: number): Promise<string | undefined> {
    return (await unlessMissing(this.#requests.ask(operation, getLinkAt(index), decodeLink)))?.name;
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NetlinkError && error.kind === 'missing') return undefined;
    throw error;
  }
}
