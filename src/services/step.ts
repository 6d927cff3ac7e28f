import {NetlinkError} from '../netlink/netlinker.js';

/** Takes back exactly what a step did. */
export type Undo = () => Promise<void>;

/** One piece of work on the host, small enough to be reported by itself. */
export interface Step {
  /** Stable name, for reports and logs: `tunnel_down`. */
  readonly step: string;
  /** Whether it leaves nothing behind when it fails, so that what follows makes good for it: a failure is reported, no more. */
  readonly advisory?: true;
  /**
   * Resolves to what undoes it, or to nothing where there was nothing to do. `note` takes what a reader of the report
   * should know of a step that did not fail.
   */
  run(note: (text: string) => void): Promise<Undo | undefined>;
}

/** What became of a step. */
export interface StepReport {
  readonly step: string;
  readonly ok: boolean;
  /** Empty where `ok`. */
  readonly error: string;
  /** What else is to be said of the step: that it was skipped and why, or what it found. May be empty. */
  readonly note: string;
  /** Milliseconds. */
  readonly duration: number;
}

/** A setup that failed and could not be taken back whole: some of it is still in the kernel. */
export class IncompleteUndo extends Error {
  override readonly name = 'IncompleteUndo';

  constructor(
    /** Why the setup failed in the first place. */
    override readonly cause: unknown,
    readonly undoErrors: readonly unknown[],
  ) {
    super(`${messageOf(cause)}; undoing it failed too: ${undoErrors.map(messageOf).join(', ')}`);
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Succeeds too where what was to be taken away is not there. */
export async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof NetlinkError && error.kind === 'missing')) throw error;
  }
}

/**
 * Runs the steps in order, all or nothing: when one fails, those before it are undone in reverse and its error is
 * thrown, as `IncompleteUndo` where that failed as well. Resolves to the undo of the whole.
 */
export async function runAllOrNothing(steps: readonly Step[]): Promise<Undo> {
  const undos: Undo[] = [];
  const undoAll = async () => {
    const errors: unknown[] = [];
    for (const undo of undos.splice(0).reverse()) await undo().catch(error => errors.push(error));
    return errors;
  };
  try {
    for (const step of steps) {
      const undo = await step.run(() => {});
      if (undo) undos.push(undo);
    }
  } catch (error) {
    const undoErrors = await undoAll();
    throw undoErrors.length > 0 ? new IncompleteUndo(error, undoErrors) : error;
  }
  return async () => throwJoined(await undoAll());
}

/** Throws what went wrong as one error: the error itself where it is alone. */
export function throwJoined(errors: readonly unknown[]): void {
  if (errors.length > 0) throw joined(errors);
}

/** At least one error as one. */
export const joined = (errors: readonly unknown[]): unknown =>
  errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(messageOf).join(', '));

export interface TeardownOutcome {
  readonly reports: StepReport[];
  /** The errors of the steps that left something behind. */
  readonly errors: unknown[];
}

/** Runs every step whatever the earlier ones did, and tells of each as it is done: the next one waits for `onReport`. */
export async function runEvery(
  steps: readonly Step[],
  onReport: (report: StepReport) => unknown = () => {},
): Promise<TeardownOutcome> {
  const reports: StepReport[] = [];
  const errors: unknown[] = [];
  for (const step of steps) {
    const start = performance.now();
    let message = '';
    const notes: string[] = [];
    try {
      await step.run(text => notes.push(text));
    } catch (error) {
      message = messageOf(error) || 'unknown error';
      if (!step.advisory) errors.push(error);
    }
    const report = {
      step: step.step,
      ok: message === '',
      error: message,
      note: notes.join('; '),
      duration: performance.now() - start,
    };
    reports.push(report);
    await onReport(report);
  }
  return {reports, errors};
}
