import {execFile, spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const execute = promisify(execFile);

export const projectFolder = fileURLToPath(new URL('../../..', import.meta.url));
const requirements = join(projectFolder, 'test/python/requirements.txt');

/** Why Python cannot be used here; `undefined` where it can. */
export function missingPython(): string | undefined {
  const {status, error} = spawnSync('python3', ['-c', 'import venv, ensurepip']);
  if (status === 0) return undefined;
  return error ? 'python3 is not installed' : 'python3 lacks its venv module (Debian package python3-venv)';
}

/** The interpreter of a virtual environment with the packages of requirements.txt; made once for each list of them. */
export async function virtualEnvironment(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const folder = join(projectFolder, '.lab/python', hash.slice(0, 12));
  const python = join(folder, 'bin/python');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return python;
  await rm(folder, {recursive: true, force: true});
  await execute('python3', ['-m', 'venv', folder]);
  await execute(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  await writeFile(complete, '');
  return python;
}

/** Generates the Python modules of the contract into a folder. Those of google.rpc come with the packages. */
export async function generateClient(python: string, folder: string): Promise<void> {
  const protos = join(projectFolder, 'proto');
  const contract = 'doublezero/tunnel/v1';
  const files = (await readdir(join(protos, contract))).map(file => join(contract, file));
  await mkdir(folder, {recursive: true});
  const compiler = ['-m', 'grpc_tools.protoc', '-I', protos];
  await execute(python, [...compiler, `--python_out=${folder}`, `--grpc_python_out=${folder}`, ...files]);
}

/** Runs a script of test/python with generated modules, and reads the JSON it prints. */
export async function runScript(
  python: string,
  {script, modules, args}: {script: string; modules: string; args: readonly string[]},
): Promise<unknown> {
  const path = join(projectFolder, 'test/python', script);
  const {stdout} = await execute(python, [path, ...args], {env: {...process.env, PYTHONPATH: modules}});
  return JSON.parse(stdout);
}
