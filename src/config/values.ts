import type {FlagName} from './flags.js';
import {UsageError} from './usage-error.js';

/** What the command line says of each flag, checked when asked for. All errors are `UsageError`s that name the flag. */
export class FlagValues {
  constructor(private readonly values: Readonly<Record<string, unknown>>) {}

  /** `undefined` where the flag is not given and has no default. An empty value is a mistake, of a script mostly. */
  optional(flag: FlagName): string | undefined {
    const value = this.values[flag];
    if (value === '') throw new UsageError(`--${flag} needs a value`);
    return typeof value === 'string' ? value : undefined;
  }

  required(flag: FlagName): string {
    const value = this.optional(flag);
    if (value === undefined) throw new UsageError(`--${flag} needs a value`);
    return value;
  }

  all(flag: FlagName): string[] {
    const value = this.values[flag];
    return Array.isArray(value) ? value.map(String) : [];
  }

  isSet(flag: FlagName): boolean {
    return this.values[flag] === true;
  }

  oneOf<T extends string>(flag: FlagName, choices: readonly T[]): T {
    const value = this.values[flag];
    const choice = choices.find(candidate => candidate === value);
    if (choice === undefined) throw new UsageError(`--${flag} must be one of ${choices.join(', ')}, not '${value}'`);
    return choice;
  }

  /** A whole number; `what` is how the error calls it: `a number of milliseconds`. */
  number(flag: FlagName, what: string, {min, max}: {readonly min: number; readonly max: number}): number {
    const value = String(this.values[flag]);
    const number = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`--${flag} must be ${what} from ${min} to ${max}, not '${value}'`);
  }
}
