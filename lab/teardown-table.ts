import type {SocketEvent} from './socket-programs.js';
import type {Trial} from './teardown-trial.js';

const milliseconds = (time: number): string => `${time.toFixed(0)} ms`;

const told = (events: readonly SocketEvent[]): string =>
  events.map(({what, time}) => `${what === 'ok' ? 'sends' : what}, ${milliseconds(time)}`).join('; ') || 'nothing';

/** Packets by what they are: `12 UDP from 10.99.0.1 to 11.0.0.1`. */
export function counted(packets: readonly SocketEvent[]): string {
  const counts = new Map<string, number>();
  for (const {what} of packets) counts.set(what, (counts.get(what) ?? 0) + 1);
  return Array.from(counts, ([what, count]) => `${count} ${what}`).join('; ') || '0';
}

const heardBy =
  (program: string) =>
  ({heard}: Trial): string =>
    told(heard.get(program) ?? []);

const rows: Readonly<Record<string, (trial: Trial) => string>> = {
  'UDP sender': heardBy('udp-sender'),
  'connected UDP reader in recv': heardBy('udp-reader'),
  'TCP connection in recv': heardBy('tcp-reader'),
  'epoll loop: its TCP connection': heardBy('epoll-loop-TCP'),
  'epoll loop: its UDP socket': heardBy('epoll-loop-UDP'),
  'listener in accept': heardBy('listener'),
  'the two TCP peers at the far end': ({peer}) => told(peer),
  'the interface is gone after': ({deletedAt}) => milliseconds(deletedAt),
  'packets that left by the public interface with an overlay source': ({leaked}) => counted(leaked),
};

/** A table in Markdown with a column for each trial, by their titles. */
export function teardownTable(corner: string, trials: ReadonlyMap<string, Trial>): string {
  const head = [corner, ...trials.keys()];
  const body = Object.entries(rows).map(([title, cell]) => [title, ...Array.from(trials.values(), cell)]);
  const widths = head.map((_title, column) => Math.max(...[head, ...body].map(cells => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [head, widths.map(width => '-'.repeat(width)), ...body].map(line).join('\n');
}
