import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {runGuest, tiedToCaller} from './guest.js';
import {type Outcome, type Place, projectFolder, type RunOptions} from './place.js';
import {missingPrograms} from './programs.js';

const namespaces = ['--net', '--mount', '--mount-proc'];
// Both kinds of device that the scenarios need, besides what every kernel has.
const probe = 'link add lab0 type gre local 192.0.2.1 remote 192.0.2.2\nlink add lab1 type nlmon\n';

/** Namespaces on the host itself: fast, where its kernel has GRE and the caller is root. */
export class HostPlace implements Place {
  readonly name = 'host';
  readonly ownsKernel = false;
  // Its kernel may or may not; what is said of aborts is said of one known kernel.
  readonly abortsSockets = false;
  readonly patience = 1;

  missing(): string | undefined {
    const programs = missingPrograms(['unshare', 'ip', 'ping', 'tcpdump']);
    if (programs) return programs;
    const {status, stderr} = spawnSync('unshare', ['--net', 'ip', '-batch', '-'], {input: probe, encoding: 'utf8'});
    return status === 0 ? undefined : `no GRE or nlmon device can be made in a namespace here: ${stderr.trim()}`;
  }

  run(command: readonly string[], options: RunOptions): Promise<Outcome> {
    const init = join(projectFolder, 'lab/host-init.sh');
    const start = async (folder: string) => ({
      command: [...tiedToCaller, ...namespaces, 'sh', init, folder],
      // Nothing of the caller's environment, as in a place with an init of its own.
      env: {PATH: `${process.env.PATH}:/usr/sbin:/sbin`},
    });
    return runGuest(start, command, options);
  }
}
