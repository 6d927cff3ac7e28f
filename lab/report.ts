/** What the process inside a place tells the one outside: one of these as a line of JSON. */
export type Report =
  | {readonly type: 'scenario'; readonly scenario: string}
  | {readonly type: 'begin'; readonly scenario: string; readonly step: string}
  | {
      readonly type: 'end';
      readonly scenario: string;
      readonly step: string;
      /** Milliseconds. */
      readonly took: number;
      /** What the step found out, in a few words. */
      readonly detail?: string;
    }
  | {readonly type: 'verdict'; readonly scenario: string; readonly took: number; readonly failure?: Failure};

export interface Failure {
  /** The step it happened in. */
  readonly step: string;
  /** Message and stack, and what else helps to understand it. */
  readonly text: string;
}

export const encodeReport = (report: Report): string => `${JSON.stringify(report)}\n`;

/** `undefined` for a line that something else wrote. */
export function decodeReport(line: string): Report | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'type' in value ? (value as Report) : undefined;
  } catch {
    return undefined;
  }
}
