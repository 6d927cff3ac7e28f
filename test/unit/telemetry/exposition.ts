export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const comment = /^# (?<kind>HELP|TYPE) (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<text>.+)$/;
const sample =
  /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>[^}]*)\})? (?<value>[-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|Inf)|NaN)$/i;
const label = /^(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\\n]|\\[\\"n])*)"$/;

/**
 * Reads the text format of Prometheus, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format. Label values have no commas here.
 *
 * @throws for a line that is neither comment nor sample, and for a sample before its TYPE and HELP
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new SyntaxError('the last line has no end');
  const helps = new Map<string, string>();
  const families = new Map<string, Family>();
  for (const line of text.split('\n').filter(Boolean)) {
    const {kind, name = '', text: rest = ''} = comment.exec(line)?.groups ?? {};
    if (kind === 'HELP') helps.set(name, rest);
    else if (kind === 'TYPE') families.set(name, {type: rest, help: helps.get(name) ?? '', samples: []});
    else addSample(families, line);
  }
  return families;
}

function addSample(families: Map<string, Family>, line: string): void {
  const {name = '', labels = '', value = ''} = sample.exec(line)?.groups ?? {};
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  if (!family) throw new SyntaxError(`not a sample of a known metric: ${line}`);
  const pairs = labels.split(',').filter(Boolean);
  family.samples.push({name, labels: Object.fromEntries(pairs.map(readLabel)), value: Number(value)});
}

function readLabel(text: string): [string, string] {
  const {name, value} = label.exec(text)?.groups ?? {};
  if (name === undefined || value === undefined) throw new SyntaxError(`not a label: ${text}`);
  return [name, value];
}
