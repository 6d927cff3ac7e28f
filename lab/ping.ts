import type {Namespace} from './namespace.js';

const count = 3;

/** Pings and resolves to what came back, in words. Rejects where an answer is missing. */
export async function ping(from: Namespace, destination: string, source?: string): Promise<string> {
  const bind = source === undefined ? [] : ['-I', source];
  const output = await from.run('ping', '-n', '-q', '-c', `${count}`, '-i', '0.2', '-W', '2', ...bind, destination);
  const [, received] = /(\d+) received/.exec(output) ?? [];
  const [, average] = /= [\d.]+\/([\d.]+)\//.exec(output) ?? [];
  // ping's status is 0 as soon as one answer has come.
  if (received !== `${count}`) throw new Error(`answers are missing: ${output}`);
  return `${received} of ${count} answered, ${average} ms`;
}
