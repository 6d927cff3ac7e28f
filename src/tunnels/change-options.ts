import type {ParsedSpec} from './spec-parse.js';
import type {Tunnel} from './tunnel.js';

export interface ChangeOptions {
  /** Only check, and answer with the tunnel as it would be. */
  readonly validateOnly?: boolean;
  /** Aborted when the caller gives up. Looked at only until the work begins. */
  readonly signal?: AbortSignal | undefined;
  /** Told when it is the change's turn, before anything is decided; what it throws ends the change. */
  readonly onTurn?: ((turn: Turn) => void) | undefined;
}

/** A slot whose turn it is, and what the change would make of it. */
export interface Turn {
  readonly name: string;
  readonly current: Tunnel | undefined;
  /** Absent where the tunnel is to go. */
  readonly wanted?: ParsedSpec;
}

export interface UpdateOptions extends ChangeOptions {
  /** When not empty: the etag the running tunnel must have. */
  readonly etag?: string;
  /** Without a running tunnel: provision one (update), be content (remove). */
  readonly allowMissing?: boolean;
}
