import type {Fault} from './actions.js';

/** What the harness tells the daemon's process to do. */
export type Order = {readonly id: number} & (
  | {readonly does: 'arm'; readonly faults: readonly Fault[]}
  | {readonly does: 'disarm' | 'fired' | 'measure'}
);

/** The `Resources` to a `measure`, and to `fired` the `FiredFault`s since it was last asked. */
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
}

/** The daemon has made a device, and waits for its other end to be given to the device: `{cabled}`. */
export interface Request {
  readonly cable: number;
  readonly name: string;
  readonly remote: string;
}
