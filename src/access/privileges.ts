import {closeSync, openSync, readFileSync} from 'node:fs';
import {getSystemErrorName, parseArgs} from 'node:util';
import {type Libc, openLibc} from '../libc/libc.js';
import {type Capabilities, capabilities, numbersOf, type Privileges, readPrivileges} from './capabilities.js';

// linux/prctl.h, linux/securebits.h, linux/capability.h, asm-generic/fcntl.h
const operation = {boundingDrop: 24, secureBits: 27, noNewPrivileges: 38, ambient: 47};
const ambient = {raise: 2, clearAll: 4};
const secureNoRoot = 1;
const capabilityVersion = 0x2008_0522;
const setDescriptorFlags = 2;

/** Set by the first run for the second, which has the same process ID: what has been tried once is not tried again. */
const mark = 'DOUBLEZEROD_PRIVILEGES_GIVEN_UP';

/**
 * Gives up what the daemon has no use for, and begins anew without it. Only comes back where there was nothing to give up,
 * or where it cannot be done; then with the reason.
 *
 * Privileges are each thread's own, and Node.js has several threads before any JavaScript runs. But a program that is
 * started has what the thread had that started it, and no other threads: so this restricts its own thread and replaces
 * the program by itself (execve(2)), with the same process ID, arguments, environment, and standard streams. To be called
 * before anything is opened or begun. What the kernel makes of it, by how the daemon was started:
 *
 * - As root (also with securebits or in a container that leaves less): execve gives root what its bounding set has, and
 *   with no_new_privs never more than it had. Where CAP_SETPCAP is there the bounding set is lowered as well.
 * - As another user with ambient capabilities (`AmbientCapabilities=` of systemd): those that are needed are made the
 *   ambient set, and stay.
 * - As another user with capabilities of the program file (the image): they are had again, and with no_new_privs no
 *   others; what was held before is not "new".
 * - Where nothing but the two is held, and no_new_privs is set, nothing is to be given up: a hardened unit or container.
 */
export function giveUpPrivileges(args: readonly string[]): string | undefined {
  const isSecondRun = process.env[mark] === String(process.pid);
  delete process.env[mark];
  if (!runsDaemon(args)) return undefined;
  try {
    const needed = neededFor(args);
    const held = readPrivileges();
    if (!exceeds(held, needed)) return undefined;
    if (isSecondRun) return 'they are still there after they were given up';
    const libc = openLibc();
    const kept = held.permitted & needed;
    requireOwnFiles(libc, held, kept);
    restrict(libc, held, {needed, kept});
    beginAnew(libc);
    return undefined;
  } catch (error) {
    // Whatever it is, a daemon that does its work and warns is of more use than none.
    return messageOf(error);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Flags that print something. Where they are not meant so the command line is refused anyway. */
const printing: ReadonlySet<string> = new Set(['--help', '-h', '--version']);
const runsDaemon = (args: readonly string[]): boolean => !args.some(arg => printing.has(arg));

/** What programs of other users have open is shown to who may trace them, and that only where the user asks for it. */
function neededFor(args: readonly string[]): Capabilities {
  const options = {'abort-sockets': {type: 'string'}} as const;
  const {values} = parseArgs({args: [...args], options, strict: false});
  const toName = values['abort-sockets'] === 'report' ? capabilities('sys_ptrace', 'dac_read_search') : 0n;
  return capabilities('net_admin', 'net_raw') | toName;
}

/** What cannot be given up without CAP_SETPCAP, the bounding set, counts for nothing under no_new_privs. */
function exceeds(
  {permitted, inheritable, ambient, bounding, noNewPrivileges}: Privileges,
  needed: Capabilities,
): boolean {
  const held = permitted | inheritable | ambient | (noNewPrivileges ? 0n : bounding);
  return (held & ~needed) !== 0n;
}

/**
 * Root reads everybody's files by a capability. In a home folder that is closed to others, the program's own may be among
 * them: then it could not begin anew, nor go on. Tried with that which can be taken back.
 */
function requireOwnFiles(libc: Libc, held: Privileges, kept: Capabilities): void {
  capset(libc, {...held, effective: held.effective & kept});
  try {
    for (const path of [process.execPath, process.argv[1]]) if (path !== undefined) closeSync(openSync(path, 'r'));
  } catch (cause) {
    throw new Error(`without CAP_DAC_OVERRIDE the program's own files cannot be read: ${messageOf(cause)}`, {cause});
  } finally {
    capset(libc, held);
  }
}

interface Aim {
  readonly needed: Capabilities;
  /** Those of them that are there. */
  readonly kept: Capabilities;
}

function restrict(libc: Libc, {effective, bounding}: Privileges, {needed, kept}: Aim): void {
  if (effective & capabilities('setpcap')) {
    for (const number of numbersOf(bounding & ~needed)) prctl(libc, operation.boundingDrop, number);
  }
  prctl(libc, operation.ambient, ambient.clearAll);
  prctl(libc, operation.noNewPrivileges, 1);
  const handedOn = isPrivilegedRoot(libc) ? 0n : kept;
  capset(libc, {effective: kept, permitted: kept, inheritable: handedOn});
  for (const number of numbersOf(handedOn)) prctl(libc, operation.ambient, ambient.raise, number);
}

/** Whether execve gives this user capabilities for being root. */
const isPrivilegedRoot = (libc: Libc): boolean =>
  process.geteuid?.() === 0 && (libc.prctl(operation.secureBits) & secureNoRoot) === 0;

/** Comes back only by an error. */
function beginAnew(libc: Libc): void {
  // Node.js has closed them to the programs it starts; all others that it has inherited it does not use.
  for (const fd of [0, 1, 2]) libc.fcntl(fd, setDescriptorFlags, 0);
  const args = readFileSync('/proc/self/cmdline', 'utf8').split('\0').slice(0, -1);
  const environment = Object.entries({...process.env, [mark]: String(process.pid)}).map(
    ([name, value]) => `${name}=${value}`,
  );
  libc.execve(process.execPath, [...args, null], [...environment, null]);
  throw refused(libc, 'execve');
}

function prctl(libc: Libc, option: number, second: number, third = 0): void {
  if (libc.prctl(option, second, third) < 0) throw refused(libc, `prctl ${option}`);
}

type Sets = Pick<Privileges, 'effective' | 'permitted' | 'inheritable'>;

/** struct __user_cap_header_struct and two struct __user_cap_data_struct, for the lower and the upper 32. */
function capset(libc: Libc, {effective, permitted, inheritable}: Sets): void {
  const header = Uint32Array.of(capabilityVersion, 0);
  const halves = [0n, 32n].flatMap(shift =>
    [effective, permitted, inheritable].map(set => Number((set >> shift) & 0xffff_ffffn)),
  );
  const data = Uint32Array.from(halves);
  if (libc.capset(bytesOf(header), bytesOf(data)) < 0) throw refused(libc, 'capset');
}

const bytesOf = ({buffer}: Uint32Array<ArrayBuffer>): Uint8Array => new Uint8Array(buffer);

const refused = (libc: Libc, call: string) => new Error(`${call}: ${getSystemErrorName(-libc.errno())}`);
