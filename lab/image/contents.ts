import {deepEqual, equal, match} from 'node:assert/strict';
import {readdir, readFile, stat} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {parseCommandLine} from '../../src/config/options.js';
import {projectFolder} from '../place.js';
import type {Check} from './check.js';
import {run} from './programs.js';

const sources = /\.(ts|mts|cts|proto)$/;
/** The build makes no difference between test and program code, so the image has to. */
const expected = {top: ['LICENSE', 'dist', 'node_modules', 'package.json'], dist: ['descriptor-set.binpb', 'src']};

const command = parseCommandLine([]);
if (!('run' in command)) throw new TypeError('no options come from an empty command line');
const defaults = command.run;

/** What is in the image, and what is not. */
export const contentChecks: readonly Check[] = [
  [
    'its user is not root, and stated as a number',
    async ({config}) => {
      match(config.User, /^[1-9][0-9]*:[1-9][0-9]*$/);
      return config.User;
    },
  ],
  ['it is stopped by SIGTERM', async ({config}) => match(config.StopSignal, /^(SIGTERM|15)$/)],
  [
    'only the daemon’s copy of node has capabilities, and only those two',
    async ({root, config}) => {
      const listed = await run('getcap', ['-r', root]);
      const [program = ''] = config.Entrypoint;
      deepEqual(listed.trim().split('\n'), [`${join(root, program)} cap_net_admin,cap_net_raw=ep`]);
    },
  ],
  [
    'the folders of the socket and of the state belong to its user',
    async ({root, config}) => {
      for (const folder of [dirname(defaults.socket), defaults.stateDir]) {
        const {uid, gid} = await stat(join(root, folder));
        equal(`${uid}:${gid}`, config.User, folder);
      }
    },
  ],
  [
    'nothing is in it that only developers need',
    async ({root, config}) => {
      const folder = join(root, config.WorkingDir);
      deepEqual((await readdir(folder)).sort(), expected.top);
      deepEqual((await readdir(join(folder, 'dist'))).sort(), expected.dist);
      const files = await readdir(join(folder, 'dist'), {recursive: true});
      deepEqual(
        files.filter(file => sources.test(file)),
        [],
      );
    },
  ],
  [
    'its npm packages are those of the lock file, without the development ones',
    async ({root, config}) => {
      const locked = await readLock(join(projectFolder, 'package-lock.json'));
      const installed = await readLock(join(root, config.WorkingDir, 'node_modules/.package-lock.json'));
      const isNeeded = ([path, {dev, optional}]: Entry) => path !== '' && !dev && !optional;
      const paths = installed.filter(([, {optional}]) => !optional).map(([path]) => path);
      deepEqual(
        paths.sort(),
        locked
          .filter(isNeeded)
          .map(([path]) => path)
          .sort(),
      );
      return `${installed.length} packages`;
    },
  ],
];

type Entry = [path: string, about: {readonly dev?: boolean; readonly optional?: boolean}];

const readLock = async (path: string): Promise<Entry[]> =>
  Object.entries(JSON.parse(await readFile(path, 'utf8')).packages);
