/**
 * `npm run bench`: measures everything; `npm run bench -- NAME …` only the parts named. In a network namespace of its
 * own, so that nothing of the host is touched. Fails where something cannot be measured, not where an aim is missed.
 */
import {spawnSync} from 'node:child_process';
import {cpus, release} from 'node:os';
import {fileURLToPath} from 'node:url';
import {bgpFeed} from './bgp/feed.js';
import {bgpStress} from './bgp/stress.js';
import {calls} from './calls.js';
import {hostile} from './hostile.js';
import type {Part} from './part.js';
import {provision} from './provision.js';
import {benchRoutes} from './routes.js';
import {formatRows, type Row} from './row.js';
import {start} from './start.js';
import {watchers} from './watchers.js';

const parts: Readonly<Record<string, Part>> = {
  provision,
  routes: benchRoutes,
  bgp: bgpFeed,
  'bgp-stress': bgpStress,
  calls,
  watchers,
  hostile,
  start,
};

const insideFlag = '--inside';

/** Starts this program again in a namespace, as its root if need be. */
function enterNamespace(args: readonly string[]): void {
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const command = [process.execPath, fileURLToPath(import.meta.url), insideFlag, ...args];
  const {status, error} = spawnSync('unshare', [...asRoot, '--net', ...command], {stdio: 'inherit'});
  if (error) console.error(`bench: unshare: ${error.message}`);
  process.exitCode = status ?? 1;
}

async function measure(names: readonly string[]): Promise<void> {
  const rows: Row[] = [];
  console.log(
    `Node.js ${process.versions.node}, Linux ${release()}, ${cpus().length} processors. Medians of rounds, ours`,
  );
  console.log('and reference in turn; read the ratios, the figures depend on the machine.');
  for (const name of names) {
    const begin = performance.now();
    try {
      rows.push(...((await parts[name]?.(line => console.log(line))) ?? []));
      console.error(`${name}: measured in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
    } catch (error) {
      // What the others measure is worth having all the same.
      console.error(`bench: ${name} failed:`, error);
      process.exitCode = 1;
    }
  }
  console.log(`\n${formatRows(rows)}`);
}

const args = process.argv.slice(2);
const names = args.filter(argument => argument !== insideFlag);
const unknown = names.find(name => !Object.hasOwn(parts, name));
if (unknown !== undefined) {
  console.error(`bench: there is no part ${unknown}, only ${Object.keys(parts).join(', ')}`);
  process.exitCode = 2;
} else if (args[0] === insideFlag) {
  spawnSync('ip', ['link', 'set', 'lo', 'up'], {stdio: 'inherit'});
  await measure(names.length > 0 ? names : Object.keys(parts));
} else {
  enterNamespace(names);
}
