import type {Row} from './row.js';

/** Measures one part. What it has to say about the conditions is printed above the table. */
export type Part = (note: (line: string) => void) => Promise<Row[]>;
