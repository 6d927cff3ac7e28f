import assert from 'node:assert/strict';
import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {text} from 'node:stream/consumers';
import type {Namespace} from '../namespace.js';

/** Seconds between two packets: 50 a second. */
const interval = 0.02;

/** Pings 50 times a second for as long as it lives. */
export class SteadyPing {
  readonly #process: ChildProcess;
  readonly #output: Promise<string>;

  private constructor(namespace: Namespace, args: readonly string[]) {
    this.#process = namespace.spawn(
      'ping',
      ['-n', '-q', '-i', String(interval), ...args],
      ['ignore', 'pipe', 'inherit'],
    );
    if (!this.#process.stdout) throw new Error('no output from ping');
    this.#output = text(this.#process.stdout);
  }

  static start(namespace: Namespace, destination: string, source?: string): SteadyPing {
    return new SteadyPing(namespace, [...(source === undefined ? [] : ['-I', source]), destination]);
  }

  /** Ends it and resolves to what it counted. Rejects where a packet was lost. */
  async expectNoLoss(): Promise<string> {
    this.#process.kill('SIGINT');
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    const output = await this.#output;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? [];
    // The last may still have been on its way when it ended.
    const lost = Number(sent) - Number(received);
    assert(Number(sent) > 50 && lost <= 1, output);
    assert.doesNotMatch(output, /errors|duplicates/);
    return `${sent} sent, ${received} answered`;
  }
}
