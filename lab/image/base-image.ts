import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Buildah} from './buildah.js';
import {makeStandIn} from './stand-in.js';

export interface BaseImage {
  /** The registry it is found in by the name that the Dockerfile has for it. */
  readonly registry: string;
  /** What it is, for people. */
  readonly description: string;
}

/** The base image that the Dockerfile names: the real one where it can be pulled, a stand-in under its name if not. */
export async function prepareBaseImage(buildah: Buildah, dockerfile: string): Promise<BaseImage> {
  const {name, node, suite} = await readBase(dockerfile);
  const real = {registry: 'docker.io', description: name};
  const standIn = {
    registry: 'localhost',
    description: `a STAND-IN for ${name}, which cannot be pulled here: Debian ${suite} by debootstrap, Node.js ${node} from npm`,
  };
  const realName = `${real.registry}/library/${name}`;
  const standInName = `${standIn.registry}/${name}`;
  if (await buildah.has(realName)) return real;
  if (await buildah.has(standInName)) return standIn;
  try {
    await buildah.pull(realName);
    return real;
  } catch {
    await makeStandIn(buildah, {image: standInName, node, suite, folder: join(buildah.folder, 'stand-in')});
    return standIn;
  }
}

async function readBase(dockerfile: string) {
  const text = await readFile(join(dockerfile, 'Dockerfile'), 'utf8');
  const [, name, node, suite] = /^FROM (node:(\d+)-([a-z]+)-slim) AS /m.exec(text) ?? [];
  if (!name || !node || !suite) throw new Error('the Dockerfile does not begin FROM node:<release>-<suite>-slim AS …');
  return {name, node, suite};
}
