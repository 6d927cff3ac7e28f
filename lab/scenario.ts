import type {Laboratory} from './laboratory.js';

export interface Scenario {
  /** One line for `npm run lab -- --list`. */
  readonly summary: string;
  /** Unloads kernel modules, so it can only run where the kernel is the laboratory's own. */
  readonly needsOwnKernel?: boolean;
  /** Has sockets aborted, so it can only run where the kernel is known to do that. */
  readonly needsSocketAbort?: boolean;
  /** Programs it needs besides those of the place. */
  readonly programs?: readonly string[];
  /** Fails by throwing. */
  run(lab: Laboratory): Promise<void>;
}
