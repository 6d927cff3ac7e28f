import type {Socket} from 'node:net';
import {type Caller, identityOf} from '../access/caller.js';

/** A connection as calls on it see it. */
export interface Connection {
  readonly caller: Caller;
  /** Where it came from: `192.0.2.1:40000`, or the Unix socket it came through, `unix:/run/…`. */
  readonly peer: string;
}

/**
 * From a call to its connection. grpc-js tells of a call's connection no more than the address of the peer, which two
 * connections to two listeners may share; so each socket gets a key of its own for an address.
 */
export class Connections {
  readonly #byKey = new Map<string, Connection>();
  #count = 0;

  add(socket: Socket, connection: Connection): void {
    this.#count += 1;
    const key = `connection ${this.#count}`;
    Object.defineProperties(socket, {remoteAddress: {value: key}, remotePort: {value: undefined}});
    this.#byKey.set(key, connection);
    socket.once('close', () => this.#byKey.delete(key));
  }

  /** `undefined` when the connection is gone: nobody will hear the answer. */
  of(call: {getPeer(): string}): Connection | undefined {
    return this.#byKey.get(call.getPeer());
  }

  /** Whose the connection with a key is; `undefined` when it is gone. */
  partyOf(key: string | undefined): string | undefined {
    const connection = this.#byKey.get(key ?? '');
    return connection && partyOf(connection.caller);
  }
}

/** Who has to answer for what a connection does: of local users the process, so that none locks out the rest of its user's. */
export const partyOf = (caller: Caller): string => (caller.kind === 'local' ? `pid:${caller.pid}` : identityOf(caller));
