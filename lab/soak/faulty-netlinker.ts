import type {Netlinker, Operation, Route} from '../../src/netlink/netlinker.js';
import {refusal} from '../../src/netlink/refusal.js';
import type {Fault} from './actions.js';
import type {FiredFault} from './model.js';

interface Armed {
  readonly fault: Fault;
  calls: number;
}

/** A kernel that refuses what it is told to. What it refuses the real one does not hear of. */
export class FaultyNetlinker {
  readonly netlinker: Netlinker;
  #armed: Armed[] = [];
  #fired: FiredFault[] = [];

  constructor(inner: Netlinker) {
    this.netlinker = new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
        if (typeof name === 'symbol') return method;
        return async (...args: unknown[]) => {
          const errno = this.#due(name as Operation);
          return errno === undefined ? method(...args) : refuse(name as Operation, errno, args);
        };
      },
    });
  }

  arm(faults: readonly Fault[]): void {
    this.#armed.push(...faults.map(fault => ({fault, calls: 0})));
  }

  disarm(): void {
    this.#armed = [];
  }

  /** What was refused since it was last asked for. */
  takeFired(): FiredFault[] {
    return this.#fired.splice(0);
  }

  #due(operation: Operation): string | undefined {
    let due: string | undefined;
    for (const armed of this.#armed) {
      const {fault} = armed;
      if (fault.operation !== operation) continue;
      armed.calls += 1;
      if (armed.calls >= fault.nth && armed.calls < fault.nth + fault.times) due = fault.errno;
    }
    if (due !== undefined) this.#fired.push({operation, errno: due});
    return due;
  }
}

/** A batch of routes is refused route by route, as the kernel would have it. */
function refuse(operation: Operation, errno: string, [first]: readonly unknown[]): unknown {
  const error = refusal(operation, errno);
  if (operation !== 'routesReplace' && operation !== 'routesDelete') throw error;
  return (first as readonly Route[]).map(route => ({route, error}));
}
