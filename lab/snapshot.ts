import type {Namespace} from './namespace.js';

/** Leaves out what differs from one machine, kernel or `ip` to the next and is not doublezerod's to decide. */
function normalised(text: string): string[] {
  return text
    .split('\n')
    .filter(line => !line.includes('valid_lft'))
    .map(line =>
      line
        .replace(/^(\d+:)\t/, '$1 ')
        .replace(/^\d+: ([^\s:@]+)(@\S+)?: /, '$1: ')
        .replace(/ state .*$| promiscuity .*$| (addrgenmode|numtxqueues) .*$/, '')
        .replace(/ proto kernel_\w+$/, '')
        .replace(/^1 /, '')
        .trimEnd(),
    )
    .filter(line => line !== '');
}

/** All links with their details and addresses, then all rules, then the routes of all tables, of one namespace. */
export interface Snapshot {
  /** Word for word as `ip` prints it, for comparison with another of the same namespace. */
  readonly raw: string;
  readonly lines: readonly string[];
}

export async function takeSnapshot(namespace: Namespace): Promise<Snapshot> {
  const [links, routing] = await Promise.all([
    namespace.ip('-d', 'addr', 'show'),
    namespace.batch('rule show\nroute show table all\n', '-N', '-d'),
  ]);
  return {raw: links + routing, lines: normalised(links + routing)};
}

// The kernel makes these by itself for every address: the local table, and IPv6's own.
const kernelsOwn = / table 255 |^\S*:\S* dev .* proto 2 /;

/** The lines of one list that the other has not, or not as often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const rest = [...others];
  return lines.filter(line => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

/** What is there now and was not before, without the kernel's own local and IPv6 routes. Lines taken away start with `-`. */
export function difference(before: Snapshot, after: Snapshot): string {
  const gone = without(before.lines, after.lines).map(line => `- ${line}`);
  const added = without(after.lines, before.lines).filter(line => !kernelsOwn.test(line));
  return [...gone, ...added].join('\n');
}
