import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {Namespace} from '../../lab/namespace.js';

const execute = promisify(execFile);

/** Runs a program and resolves to what it writes. */
export const run = async (program: string, ...args: string[]): Promise<string> =>
  (await execute(program, args, {maxBuffer: 1 << 28})).stdout;

/** A network namespace of this run's own, gone afterwards. */
export class Space extends Namespace implements AsyncDisposable {
  static async create(role: string): Promise<Space> {
    const space = new Space(`dz-bench-${role}-${process.pid}`);
    await run('ip', 'netns', 'add', space.name);
    await space.ip('link', 'set', 'lo', 'up');
    return space;
  }

  async countRoutes(): Promise<number> {
    return (await this.ip('-o', 'route', 'show', 'root', '11.0.0.0/8')).split('\n').length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('ip', 'netns', 'delete', this.name);
  }
}

/** Joins two namespaces: `inner` gets the odd address of a /31 and the device's name, `outer` the even one. */
export async function join(inner: Space, device: string, outer: Space, remote: string, local: string): Promise<void> {
  const end = `d${local.replaceAll('.', '').slice(-8)}`;
  await inner.ip('link', 'add', device, 'type', 'veth', 'peer', 'name', end, 'netns', outer.name);
  await inner.ip('address', 'add', `${local}/31`, 'dev', device, 'scope', 'link');
  await inner.ip('address', 'add', '192.0.2.1/32', 'dev', device);
  await inner.ip('link', 'set', device, 'up');
  await outer.ip('address', 'add', `${remote}/31`, 'dev', end);
  await outer.ip('link', 'set', end, 'up');
}

/** Asks until the answer is true. Rejects after a minute. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
