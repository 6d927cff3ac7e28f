import {fileURLToPath} from 'node:url';

/** The checkout's top folder, without a slash at the end. It is visible under the same path in every place. */
export const projectFolder = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export interface RunOptions {
  /** Called with each line the program writes to its standard output, as it comes. */
  readonly onLine?: (line: string) => void;
  /** After so many milliseconds everything in the place is killed. */
  readonly timeoutMs: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Outcome {
  /** The program's exit status; `undefined` where it did not come to an end by itself. */
  readonly status: number | undefined;
  /** What the program wrote to standard error and, where there is one, the kernel to its console. */
  readonly messages: string;
  /** In words, why there is no status. */
  readonly trouble?: string;
  /** Folder with all that was written, left for a look at it because something went wrong. */
  readonly kept?: string;
}

/**
 * Somewhere to run a program as the root user of a Linux network of its own, where it can do no harm: with GRE,
 * `/run` an empty tmpfs, the host's files around it, and `LAB_FOLDER` naming a folder on the host to write to. All
 * processes, namespaces and mounts are gone when the program ends.
 */
export interface Place {
  readonly name: string;
  /** The kernel is this place's alone, so modules may be unloaded. */
  readonly ownsKernel: boolean;
  /** Its kernel is one that is known to abort sockets. */
  readonly abortsSockets: boolean;
  /** How many times longer than elsewhere things may take. */
  readonly patience: number;
  /** Why this machine cannot offer the place and what would help; `undefined` where it can. */
  missing(): string | undefined;
  run(command: readonly string[], options: RunOptions): Promise<Outcome>;
}
