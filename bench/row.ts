/** One line of the table: what was measured of this program, and a reference measured in the same run. */
export interface Row {
  /** What was measured and against what: `provision ibrl, against its bare netlink operations`. */
  readonly what: string;
  readonly ours: number;
  readonly reference: number;
  /** Of both numbers: `ms`, `µs/route`, `calls/s`, `MB`. */
  readonly unit: string;
  /** Absent for what is only shown. */
  readonly aim?: Aim | undefined;
}

export interface Aim {
  /** In words: `ratio at most 0.4`. */
  readonly text: string;
  readonly met: boolean;
}

/** Judges the two numbers of a row. */
export type Judge = (ours: number, reference: number) => Aim;

export const row = (what: string, ours: number, reference: number, unit: string, judge?: Judge): Row => ({
  what,
  ours,
  reference,
  unit,
  aim: judge?.(ours, reference),
});

export const ratioAtMost =
  (limit: number): Judge =>
  (ours, reference) => ({text: `ratio at most ${limit}`, met: ours <= limit * reference});

export const ratioAtLeast =
  (limit: number): Judge =>
  (ours, reference) => ({text: `ratio at least ${limit}`, met: ours >= limit * reference});

/** The value below which the given part of the samples is; `samples` in any order, not empty. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

const columns = ['measured', 'ours', 'reference', 'ratio', 'unit', 'aim', ''];

const round = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const cells = ({what, ours, reference, unit, aim}: Row): string[] => [
  what,
  round(ours),
  round(reference),
  (ours / reference).toFixed(2),
  unit,
  aim?.text ?? '',
  aim ? (aim.met ? 'ok' : 'missed') : '',
];

/** The rows as a table, numbers flush right. */
export function formatRows(rows: readonly Row[]): string {
  const lines = [columns, ...rows.map(cells)];
  const widths = columns.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)));
  const isNumber = (column: number) => column >= 1 && column <= 3;
  return lines
    .map(line => line.map((cell, column) => cell[isNumber(column) ? 'padStart' : 'padEnd'](widths[column] ?? 0)))
    .map(line => line.join('  ').trimEnd())
    .join('\n');
}
