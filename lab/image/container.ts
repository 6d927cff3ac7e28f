import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import type {ImageConfig} from './buildah.js';

export interface Privileges {
  /** What the container's processes may ever hold, as `--cap-add` and the engine's defaults decide it. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges?: boolean;
}

export interface Ended {
  readonly status: number | null;
  /** All that the program wrote. */
  readonly output: string;
}

// The container sees its own files and the machine's devices and processes, in a network namespace where nothing is.
// Each program replaces the one before, so the process that is started here is the daemon in the end.
const enter = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$@"';

/** Starts programs in an image's file system the way an engine does: user, environment and folder from its configuration. */
export class Container {
  constructor(
    readonly root: string,
    readonly config: ImageConfig,
  ) {}

  start(command: readonly string[], {capabilities, noNewPrivileges = false}: Privileges): ContainerProcess {
    const [uid = '', gid = ''] = this.config.User.split(':');
    const bounding = ['-all', ...capabilities.map(name => `+${name}`)].join(',');
    const child = spawn(
      'unshare',
      [
        ...['--net', '--mount', '--', 'sh', '-c', enter, 'sh', this.root],
        ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--inh-caps=-all'],
        ...[`--bounding-set=${bounding}`, ...(noNewPrivileges ? ['--no-new-privs'] : []), '--'],
        ...['env', '--ignore-environment', `--chdir=${this.config.WorkingDir}`, ...this.config.Env],
        ...command,
      ],
      {stdio: ['ignore', 'pipe', 'pipe']},
    );
    return new ContainerProcess(child);
  }

  /** Runs a program to its end. */
  async run(command: readonly string[], privileges: Privileges): Promise<Ended> {
    await using process = this.start(command, privileges);
    return await process.ended;
  }
}

/** Milliseconds that any program may take to say what it is expected to say, or to end. */
const patience = 20_000;

/** A process in a container; killed on dispose, if it still runs. */
export class ContainerProcess implements AsyncDisposable {
  #output = '';
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', text => {
        this.#output += text;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    this.ended = once(child, 'close').then(([status]) => {
      clearTimeout(timer);
      return {status, output: this.#output.trim()};
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves to true when its log has that event, to false when it ends without. */
  async says(event: string): Promise<boolean> {
    const seen = new Promise<boolean>(resolve => {
      const look = () => this.#output.includes(`"message":"${event}"`) && resolve(true);
      this.#child.stdout?.on('data', look);
      look();
    });
    return Promise.race([seen, this.ended.then(() => false)]);
  }

  async stop(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop('SIGKILL');
  }
}
