import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {run, type Space, until} from './network.js';

/** A BIRD in a namespace, from Debian's package `bird2`. */
export class Bird implements AsyncDisposable {
  private constructor(
    private readonly process: ChildProcess,
    private readonly control: string,
  ) {}

  static async start(space: Space, folder: string, name: string, configuration: string): Promise<Bird> {
    const [file, control] = [join(folder, `${name}.conf`), join(folder, `${name}.ctl`)];
    await writeFile(file, configuration);
    const bird = new Bird(space.spawn('bird', ['-f', '-c', file, '-s', control], 'ignore'), control);
    await until(`${name} starts`, () =>
      bird.ask('show', 'status').then(
        () => true,
        () => false,
      ),
    );
    return bird;
  }

  ask(...command: string[]): Promise<string> {
    return run('birdc', '-s', this.control, ...command);
  }

  async isEstablished(protocol: string): Promise<boolean> {
    return (await this.ask('show', 'protocols', protocol)).includes('Established');
  }

  /** Bytes in memory. `ip netns exec` becomes the program, so its process id is BIRD's. */
  residentMemory(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}

/** The device: feeds /32 routes to clients, as soon as it is told to (`enable feed`). */
export const deviceConfiguration = (
  routes: string,
  clients: Readonly<Record<string, [local: string, remote: string]>>,
) => `
router id 192.0.2.254;
protocol device {}
ipv4 table feeding;
protocol static feed {
  disabled;
  ipv4 { table feeding; };
include "${routes}";
}
${Object.entries(clients)
  .map(
    ([name, [local, remote]]) => `protocol bgp ${name} {
  disabled;
  local ${local} as 65001;
  neighbor ${remote} as 65000;
  passive on;
  hold time 3;
  ipv4 { table feeding; import none; export where source = RTS_STATIC; next hop self; };
}`,
  )
  .join('\n')}
`;

/** The reference: BIRD in our place, with its own kernel protocol. */
export const clientConfiguration = (local: string, remote: string) => `
router id 192.0.2.1;
protocol device {}
protocol kernel {
  scan time 3600;
  ipv4 { import none; export filter { krt_prefsrc = 192.0.2.1; accept; }; };
}
protocol bgp feed {
  local ${local} as 65000;
  neighbor ${remote} as 65001;
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ipv4 { import all; export none; };
}
`;

/** /32 routes from 11.0.0.0 on, for the feed. */
export const staticRoutes = (count: number): string =>
  Array.from(
    {length: count},
    (_, index) => `route 11.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}/32 blackhole;`,
  ).join('\n');
