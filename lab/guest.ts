import {type ChildProcess, type StdioOptions, spawn} from 'node:child_process';
import {once} from 'node:events';
import {rmSync} from 'node:fs';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import type {Readable} from 'node:stream';
import {type Outcome, projectFolder, type RunOptions} from './place.js';

/** How a place starts its outermost process. */
export interface Start {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The shell script that the place's init runs: the same in every place. */
function script(command: readonly string[], env: Readonly<Record<string, string>>): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return [...exports, `cd ${quoted(projectFolder)}`, `exec ${command.map(quoted).join(' ')}`, ''].join('\n');
}

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/**
 * Starts the rest of the command as process 1 of a PID namespace, which ends with the thread that started it: also
 * where nothing can be handled here, after a SIGKILL, or when AVA terminates a worker. Takes CAP_SYS_ADMIN.
 */
export const tiedToCaller = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child'] as const;

/** Ends the whole process group, which every place is: user-mode Linux has a process per address space. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // ESRCH: it ended meanwhile.
  }
}

/** The outer process must leave nothing behind when it is told to go. */
function cleanUpOnSignal(child: ChildProcess, folder: string): () => void {
  const cleanUp = (signal: NodeJS.Signals): void => {
    kill(child);
    rmSync(folder, {recursive: true, force: true});
    unhook();
    process.kill(process.pid, signal);
  };
  const unhook = (): void => void process.removeListener('SIGINT', cleanUp).removeListener('SIGTERM', cleanUp);
  process.once('SIGINT', cleanUp).once('SIGTERM', cleanUp);
  return unhook;
}

/**
 * Runs a command in a guest and waits for its end. The guest's init runs the file `command` of the folder, with
 * standard output to file descriptor 3 of the outermost process and standard error to the file `stderr`, and leaves
 * the exit status in the file `status`.
 */
export async function runGuest(
  start: (folder: string) => Promise<Start>,
  command: readonly string[],
  {onLine = () => undefined, timeoutMs, env = {}}: RunOptions,
): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'doublezerod-lab-'));
  await writeFile(join(folder, 'command'), script(command, {...env, LAB_FOLDER: folder}));
  const outermost = await start(folder);
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'pipe'];
  const [program = '', ...args] = outermost.command;
  const child = spawn(program, args, {stdio, detached: true, env: outermost.env ?? process.env});
  const unhook = cleanUpOnSignal(child, folder);
  let console = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (console += chunk));
  const lines = createInterface({input: child.stdio[3] as Readable});
  lines.on('line', onLine);

  let trouble: string | undefined;
  const timer = setTimeout(() => {
    trouble = `killed after ${timeoutMs / 1000} s`;
    kill(child);
  }, timeoutMs);
  try {
    await Promise.all([once(child, 'close'), once(lines, 'close')]);
  } catch (error) {
    trouble = `cannot start ${program}: ${(error as Error).message}`;
  } finally {
    clearTimeout(timer);
    unhook();
  }

  const statusText = await read(join(folder, 'status'));
  const status = trouble === undefined && statusText !== '' ? Number(statusText) : undefined;
  const messages = `${await read(join(folder, 'stderr'))}${console}`;
  if (status === undefined) trouble ??= /Kernel panic.*/.exec(messages)?.[0] ?? 'ended without a result';
  if (status === 0) await rm(folder, {recursive: true, force: true});
  return {status, messages, ...(trouble && {trouble}), ...(status !== 0 && {kept: folder})};
}
