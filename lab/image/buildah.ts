import {mkdir, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {type RunOptions, run} from './programs.js';

/** The parts of an image's configuration that say how to run it. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[];
  readonly StopSignal: string;
  readonly Healthcheck: {readonly Test: readonly string[]};
}

/** A container's root folder, mounted. */
export interface MountedContainer extends AsyncDisposable {
  readonly root: string;
}

/** Images of earlier builds beyond this many go, and the cache with them. */
const mostLeftovers = 12;

/** `buildah` with images and containers in a folder of their own, so that nothing of the machine's is touched. */
export class Buildah {
  readonly #driver: string;

  private constructor(
    readonly folder: string,
    driver: string,
  ) {
    this.#driver = driver;
  }

  /** One at a time in a folder: containers that a run left behind because it was killed are removed. */
  static async open(folder: string): Promise<Buildah> {
    await mkdir(folder, {recursive: true});
    for (const driver of ['overlay', 'vfs']) {
      const buildah = new Buildah(join(folder, driver), driver);
      try {
        await buildah.command('rm', ['--all']);
        return buildah;
      } catch (error) {
        // Some file systems cannot be overlaid; vfs copies instead, which works everywhere.
        if (driver === 'vfs') throw error;
        await rm(join(folder, driver), {recursive: true, force: true});
      }
    }
    throw new Error('no storage driver');
  }

  command(name: string, args: readonly string[], options?: RunOptions): Promise<string> {
    const storage = [`--root=${this.folder}/images`, `--runroot=${this.folder}/run`];
    return run('buildah', [...storage, `--storage-driver=${this.#driver}`, name, ...args], options);
  }

  async has(image: string): Promise<boolean> {
    const found = await this.command('images', ['--quiet', image]).catch(() => '');
    return found.trim() !== '';
  }

  /** Pulls from the registry that the image's name begins with. */
  async pull(image: string): Promise<void> {
    await this.command('pull', ['--quiet', image], {timeoutMs: 10 * 60_000});
  }

  /** Makes an image of the files in a folder. */
  async import(folder: string, image: string, environment: readonly string[]): Promise<void> {
    const container = (await this.command('from', ['scratch'])).trim();
    try {
      await this.command('add', ['--quiet', container, folder, '/']);
      await this.command('config', [...environment.map(variable => `--env=${variable}`), container]);
      await this.command('commit', ['--quiet', container, image]);
    } finally {
      await this.command('rm', [container]);
    }
  }

  /** Builds the Dockerfile of a folder. Names of images without a registry are looked for in the one given. */
  async build(folder: string, image: string, registry: string): Promise<void> {
    const dangling = await this.command('images', ['--quiet', '--filter=dangling=true']);
    if (dangling.trim().split('\n').length > mostLeftovers) await this.command('rmi', ['--prune']);
    const registries = join(this.folder, 'registries.conf');
    await writeFile(registries, `unqualified-search-registries = ["${registry}"]\n`);
    const how = ['--isolation=chroot', '--pull=never', '--layers', '--jobs=2', '--format=docker'];
    await this.command('build', [...how, `--registries-conf=${registries}`, `--tag=${image}`, folder]);
  }

  async config(image: string): Promise<ImageConfig> {
    const {Docker} = JSON.parse(await this.command('inspect', ['--type=image', image]));
    return Docker.config;
  }

  /** In words, as buildah counts it: `370 MB`. */
  async size(image: string): Promise<string> {
    return (await this.command('images', ['--format={{.Size}}', image])).trim();
  }

  /** A new container of an image. */
  async mount(image: string): Promise<MountedContainer> {
    const container = (await this.command('from', ['--pull-never', image])).trim();
    const remove = async () => void (await this.command('rm', [container]));
    try {
      return {root: (await this.command('mount', [container])).trim(), [Symbol.asyncDispose]: remove};
    } catch (error) {
      await remove();
      throw error;
    }
  }
}
