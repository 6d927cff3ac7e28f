import {copyFile, cp, mkdir, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Buildah} from './buildah.js';
import {run} from './programs.js';

export interface StandIn {
  readonly image: string;
  /** Release of Node.js: `26`. */
  readonly node: string;
  /** Release of Debian: `bookworm`. */
  readonly suite: string;
  /** To work in. Emptied before, since a run that was killed may have left something, and removed afterwards. */
  readonly folder: string;
}

/** npm is no part of the package `node`; this is the line of it that the official images carry. */
const npm = 'npm@11';

/**
 * Makes an image like the official one of Node.js from Debian's packages and npm's. Ways to the registries that are
 * this machine's own affair go in here, since they have no place in the Dockerfile: which npm registry, which CAs.
 */
export async function makeStandIn(buildah: Buildah, {image, node, suite, folder}: StandIn): Promise<void> {
  const root = join(folder, 'root');
  await rm(folder, {recursive: true, force: true});
  await mkdir(folder, {recursive: true});
  try {
    await Promise.all([installDebian(suite, root), installNode(node, folder)]);
    await cp(join(folder, 'local'), join(root, 'usr/local'), {recursive: true, verbatimSymlinks: true});
    await writeNpmConfiguration(root);
    // As in Debian's own images: no packages and indexes that apt could fetch again.
    await rm(join(root, 'var/cache/apt'), {recursive: true});
    await mkdir(join(root, 'var/cache/apt/archives/partial'), {recursive: true});
    await buildah.import(root, image, ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

async function installDebian(suite: string, root: string): Promise<void> {
  // libatomic1: Node.js needs it, and the official image adds it too.
  await run('debootstrap', ['--variant=minbase', '--include=libatomic1', suite, root]);
}

/** Fills `local` in the folder with what goes to /usr/local. */
async function installNode(release: string, folder: string): Promise<void> {
  const local = join(folder, 'local');
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts'];
  // What the package `node` fetches in its install script, which npm would ask about: the one for this platform.
  const program = `node-${process.platform}-${process.arch}`;
  await run('npm', [...install, '--prefix', join(folder, 'npm'), `${program}@${release}`], {cwd: folder});
  await run('npm', [...install, '--global', '--prefix', local, npm], {cwd: folder});
  await copyFile(join(folder, 'npm/node_modules', program, 'bin/node'), join(local, 'bin/node'));
}

async function writeNpmConfiguration(root: string): Promise<void> {
  const [registry, cafile] = await Promise.all(['registry', 'cafile'].map(readNpmConfiguration));
  const lines = [`registry=${registry}`];
  const authorities = cafile ?? process.env.NODE_EXTRA_CA_CERTS;
  if (authorities) {
    await copyFile(authorities, join(root, 'etc/stand-in-ca.crt'));
    lines.push('cafile=/etc/stand-in-ca.crt');
  }
  await mkdir(join(root, 'usr/local/etc'), {recursive: true});
  await writeFile(join(root, 'usr/local/etc/npmrc'), lines.join('\n'));
}

async function readNpmConfiguration(key: string): Promise<string | undefined> {
  const value = (await run('npm', ['config', 'get', key])).trim();
  return ['', 'null', 'undefined'].includes(value) ? undefined : value;
}
