/** One mistake in a policy. Lines and columns count from 1; absent where it is about the file as a whole. */
export interface PolicyFault {
  readonly line?: number;
  readonly column?: number;
  readonly text: string;
}

/** More than these are of no help to whoever mends the first ones. */
const mostFaults = 50;

/** The policy cannot be used. The text has a line for each mistake, which names flag, file, line and column. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  /** The lines of the text. */
  readonly lines: readonly string[];

  constructor(path: string, faults: readonly PolicyFault[], options?: ErrorOptions) {
    const lines = faults.slice(0, mostFaults).map(({line, column, text}) => {
      const place = line === undefined ? '' : `, line ${line}${column === undefined ? '' : `, column ${column}`}`;
      return `--policy ${path}${place}: ${text}`;
    });
    if (faults.length > mostFaults) lines.push(`--policy ${path}: and ${faults.length - mostFaults} more`);
    super(lines.join('\n'), options);
    this.lines = lines;
  }
}
