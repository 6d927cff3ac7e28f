// npm run image:check [-- --clean]: builds the Dockerfile as it is, starts the daemon from the result the way an engine
// would, and prints what held. No engine is needed: buildah builds, namespaces and a chroot run.
import {spawnSync} from 'node:child_process';
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {projectFolder} from '../place.js';
import {missingPrograms} from '../programs.js';
import {prepareBaseImage} from './base-image.js';
import {Buildah} from './buildah.js';
import {Container} from './container.js';
import {contentChecks} from './contents.js';
import {runningChecks} from './running.js';

/** Base image and build cache stay here; `--clean` removes them. */
const cache = join(projectFolder, '.lab/image');
const image = 'localhost/doublezerod-check';
const inside = '--inside';

const count = {passed: 0, failed: 0};

/** Does one thing, prints how it went and how long it took; `undefined` where it failed. */
async function step<Result>(title: string, work: () => Promise<Result>): Promise<Result | undefined> {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`.padStart(8);
  try {
    const result = await work();
    count.passed += 1;
    console.log(`  ✔ ${seconds()}  ${title}${typeof result === 'string' ? `: ${result}` : ''}`);
    return result;
  } catch (error) {
    count.failed += 1;
    console.log(`  ✘ ${seconds()}  ${title}\n${(error as Error).message.replaceAll(/^/gm, '      ')}`);
    return undefined;
  }
}

async function check(): Promise<void> {
  const buildah = await Buildah.open(cache);
  const base = await step('the base image is there', () => prepareBaseImage(buildah, projectFolder));
  if (base === undefined) return;
  console.log(`              ${base.description}`);
  const built = await step('the Dockerfile builds', async () => {
    await buildah.build(projectFolder, image, base.registry);
    return buildah.size(image);
  });
  if (built === undefined) return;
  const config = await buildah.config(image);
  await using mounted = await buildah.mount(image);
  const container = new Container(mounted.root, config);
  for (const [behaviour, run] of [...contentChecks, ...runningChecks]) await step(behaviour, () => run(container));
}

/**
 * Everything happens in namespaces of its own: processes and mounts are gone with them, whichever way this ends. Ctrl-C
 * reaches the process inside, which would ignore it as the namespace's first.
 */
function enterNamespaces(): number {
  const missing = missingPrograms(['unshare', 'buildah', 'debootstrap', 'getcap', 'ip']);
  if (process.getuid?.() !== 0) throw new Error('root is needed, to build an image and to make namespaces');
  if (missing) throw new Error(missing);
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const own = [process.execPath, fileURLToPath(import.meta.url), inside];
  const {status, error} = spawnSync('unshare', [...unshare, '--', ...own], {stdio: 'inherit'});
  if (error) throw error;
  return status ?? 1;
}

try {
  if (process.argv.includes('--clean')) {
    rmSync(cache, {recursive: true, force: true});
  } else if (process.argv.includes(inside)) {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
    await check();
    console.log(`${count.passed} passed, ${count.failed} failed`);
    process.exitCode = count.failed === 0 ? 0 : 1;
  } else {
    process.exitCode = enterNamespaces();
  }
} catch (error) {
  console.error(`image-check: ${(error as Error).message}`);
  process.exitCode = 1;
}
