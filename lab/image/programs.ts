import {execFile} from 'node:child_process';
import {promisify} from 'node:util';

const execute = promisify(execFile);

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program and resolves to what it prints. Rejects, where its status is not 0, with the end of all it wrote. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const {timeoutMs = 0, cwd, env} = options;
  try {
    const {stdout} = await execute(program, args, {
      maxBuffer: 1 << 28,
      timeout: timeoutMs,
      ...(cwd === undefined ? {} : {cwd}),
      env: {...process.env, ...env},
    });
    return stdout;
  } catch (error) {
    const {code, stdout = '', stderr = ''} = error as {code?: unknown; stdout?: string; stderr?: string};
    const end = `${stdout}${stderr}`.trim().split('\n').slice(-20).join('\n');
    const command = args.find(argument => !argument.startsWith('-')) ?? '';
    throw new Error(`${program} ${command} failed (${code ?? 'no exit code'})\n${end}`, {cause: error});
  }
}
