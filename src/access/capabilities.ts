import {readFileSync} from 'node:fs';

/** linux/capability.h, from 0 on. */
const names = [
  ...['chown', 'dac_override', 'dac_read_search', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap'],
  ...['linux_immutable', 'net_bind_service', 'net_broadcast', 'net_admin', 'net_raw', 'ipc_lock', 'ipc_owner'],
  ...['sys_module', 'sys_rawio', 'sys_chroot', 'sys_ptrace', 'sys_pacct', 'sys_admin', 'sys_boot', 'sys_nice'],
  ...['sys_resource', 'sys_time', 'sys_tty_config', 'mknod', 'lease', 'audit_write', 'audit_control', 'setfcap'],
  ...['mac_override', 'mac_admin', 'syslog', 'wake_alarm', 'block_suspend', 'audit_read', 'perfmon', 'bpf'],
  'checkpoint_restore',
];

/** A bit for each, as the kernel numbers them. */
export type Capabilities = bigint;

export function numberOf(name: string): number {
  const number = names.indexOf(name);
  if (number < 0) throw new RangeError(`no capability is called ${name}`);
  return number;
}

export const capabilities = (...which: string[]): Capabilities =>
  which.reduce((set, name) => set | (1n << BigInt(numberOf(name))), 0n);

export const numbersOf = (set: Capabilities): number[] => {
  const numbers: number[] = [];
  for (let number = 0; set >> BigInt(number) > 0n; number++) if ((set >> BigInt(number)) & 1n) numbers.push(number);
  return numbers;
};

/** As `capsh` and systemd call them: `cap_net_admin`. One newer than this program is called by its number. */
export const namesOf = (set: Capabilities): string[] => numbersOf(set).map(number => `cap_${names[number] ?? number}`);

/** What a process holds, and what the programs it starts may ever hold. See capabilities(7). */
export interface Privileges {
  readonly effective: Capabilities;
  readonly permitted: Capabilities;
  readonly inheritable: Capabilities;
  readonly ambient: Capabilities;
  readonly bounding: Capabilities;
  readonly noNewPrivileges: boolean;
}

/** Of a thread; without its ID, the one that JavaScript runs in. Throws where /proc does not show it. */
export function readPrivileges(thread?: string): Privileges {
  const path = thread === undefined ? '/proc/thread-self/status' : `/proc/self/task/${thread}/status`;
  const status = readFileSync(path, 'utf8');
  const field = (name: string): string => {
    const value = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
    if (value === undefined) throw new TypeError(`${path} says nothing of ${name}`);
    return value;
  };
  const set = (name: string): Capabilities => BigInt(`0x${field(name)}`);
  return {
    effective: set('CapEff'),
    permitted: set('CapPrm'),
    inheritable: set('CapInh'),
    ambient: set('CapAmb'),
    bounding: set('CapBnd'),
    noNewPrivileges: field('NoNewPrivs') === '1',
  };
}
