import {type Ipv4, isSpecified} from '../../ip/ipv4.js';
import type {HostSocket, SocketHolder} from '../host-socket.js';

/** The sockets of the programs on a model host. */
export class Sockets {
  readonly #programs: readonly SocketHolder[];
  /** By inode. */
  readonly #live: Map<number, HostSocket>;

  constructor(programs: readonly SocketHolder[]) {
    this.#programs = [...programs].sort((a, b) => a.pid - b.pid);
    this.#live = new Map(programs.flatMap(({sockets}) => sockets.map(socket => [socket.inode, socket])));
  }

  at(addresses: readonly Ipv4[]): HostSocket[] {
    const wanted = new Set(addresses.filter(isSpecified));
    return [...this.#live.values()].filter(({local}) => wanted.has(local.address));
  }

  abort({inode, ...socket}: HostSocket): void {
    // Its program still has the descriptor of a TCP socket, but nothing is behind it any more.
    if (socket.protocol === 'tcp') this.#live.delete(inode);
    else this.#live.set(inode, {...socket, remote: undefined, state: 'close', inode});
  }

  holders(sockets: readonly HostSocket[]): SocketHolder[] {
    return this.#programs.flatMap(program => {
      const held = new Set(program.sockets.map(({inode}) => inode));
      const found = sockets.filter(({inode}) => held.has(inode));
      return found.length === 0 ? [] : [{...program, sockets: found}];
    });
  }
}
