/** One line of the table: what was measured of this program, beside a reference measured in the same run. */
export interface Row {
  /** For example `provision ibrl, p50`. */
  readonly what: string;
  readonly ours: number;
  readonly reference: number;
  /** What the reference is: `bare netlink operations`. */
  readonly against: string;
  /** Of both numbers: `ms`, `µs/route`, `calls/s`, `MB`. */
  readonly unit: string;
  /** What is aimed at, in words, and whether it is met; absent for what is only shown. */
  readonly aim?: Aim | undefined;
}

export interface Aim {
  readonly text: string;
  readonly met: boolean;
}

/** Measures one part. What it notes about the conditions is printed above the table. */
export type Part = (note: (line: string) => void) => Promise<Row[]>;

const columns = ['measured', 'ours', 'reference', 'ratio', 'unit', 'beside', 'aim', ''];

const round = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const cells = ({what, ours, reference, against, unit, aim}: Row): string[] => [
  what,
  round(ours),
  round(reference),
  (ours / reference).toFixed(2),
  unit,
  against,
  aim?.text ?? '',
  aim ? (aim.met ? 'ok' : 'missed') : '',
];

/** The rows as text, numbers flush right. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [columns, ...rows.map(cells)];
  const widths = columns.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)));
  const isNumber = (column: number) => column >= 1 && column <= 3;
  return lines
    .map(line => line.map((cell, column) => cell[isNumber(column) ? 'padStart' : 'padEnd'](widths[column] ?? 0)))
    .map(line => line.join('  ').trimEnd())
    .join('\n');
}
