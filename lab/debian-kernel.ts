import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync} from 'node:fs';
import {chmod, copyFile, mkdir, symlink, writeFile} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {projectFolder} from './place.js';

/** Where `scripts/debian-kernel.mjs` unpacks it. */
const folder = join(projectFolder, '.lab/debian-kernel');
const modulesFolder = join(folder, 'lib/modules');
const busybox = '/bin/busybox';

/** Those between the processor and the host's files; what they need is found out. */
const modulesForRoot = ['virtio_pci', '9pnet_virtio', '9p'];

/** Debian's own kernel, unpacked and not installed. */
export interface DebianKernel {
  readonly version: string;
  readonly image: string;
  /** Has a folder for each version, as /lib/modules has. */
  readonly modules: string;
}

/** `undefined` where it has not been unpacked. */
export function findDebianKernel(): DebianKernel | undefined {
  if (!existsSync(modulesFolder)) return undefined;
  const [version] = readdirSync(modulesFolder);
  if (version === undefined) return undefined;
  return {version, image: join(folder, `boot/vmlinuz-${version}`), modules: modulesFolder};
}

function run(command: string, args: readonly string[], options: {cwd?: string; input?: string} = {}): Buffer {
  const {status, stdout, stderr, error} = spawnSync(command, args, {...options, maxBuffer: 1 << 28});
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
  return stdout;
}

/** Paths of the modules, each after those it needs. */
function modulesInOrder({version}: DebianKernel): string[] {
  const needed = modulesForRoot.flatMap(module => {
    const output = run('modprobe', ['-d', folder, '-S', version, '--show-depends', module]).toString();
    return Array.from(output.matchAll(/^insmod (\S+)/gm), ([, path = '']) => path);
  });
  return [...new Set(needed)];
}

/** Makes the first file system of the guest in `scratch`, and resolves to the path of its archive. */
export async function makeInitramfs(kernel: DebianKernel, scratch: string): Promise<string> {
  const [root, archive] = [join(scratch, 'initramfs'), join(scratch, 'initramfs.cpio')];
  for (const name of ['bin', 'lib', 'dev', 'root']) await mkdir(join(root, name), {recursive: true});
  const applets = ['sh', 'cat', 'insmod', 'mount', 'switch_root'];
  await copyFile(busybox, join(root, 'bin/busybox'));
  for (const name of applets) await symlink('busybox', join(root, 'bin', name));
  const modules = modulesInOrder(kernel);
  for (const path of modules) await copyFile(path, join(root, 'lib', basename(path)));
  await writeFile(join(root, 'modules'), `${modules.map(path => basename(path)).join('\n')}\n`);
  await copyFile(join(projectFolder, 'lab/qemu-initramfs.sh'), join(root, 'init'));
  await chmod(join(root, 'init'), 0o755);
  const paths = run('find', ['.'], {cwd: root}).toString();
  await writeFile(archive, run('cpio', ['--create', '--format=newc', '--quiet'], {cwd: root, input: paths}));
  return archive;
}
