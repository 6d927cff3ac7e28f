import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdirSync, readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {credentials, Metadata} from '@grpc/grpc-js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';

const attacker = fileURLToPath(new URL('./attacker.js', import.meta.url));

/** Hostile clients in a process of their own, from when the first of them have been served. */
export async function attack(address: string, connections: number, name: string) {
  const child = spawn(process.execPath, [attacker, address, String(connections), name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  if ((await lines.next()).value !== 'attacking') throw new Error(`no attack: ${name}`);
  return {
    /** Ends it; resolves to the number of connections it has made. */
    async end(): Promise<number> {
      child.kill('SIGTERM');
      const last = await lines.next();
      await exited;
      return Number.parseInt(String(last.value), 10);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Milliseconds that each GetTunnel took, one after the other for a while, one at least. Fails when one fails, or takes 10 s. */
export async function latencies(target: string, name: string, durationMs: number): Promise<number[]> {
  const client = new TunnelServiceClient(target, credentials.createInsecure(), {'grpc.use_local_subchannel_pool': 1});
  const found: number[] = [];
  const end = performance.now() + durationMs;
  try {
    do {
      const start = performance.now();
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(Date.now() + 30_000, unready => {
          if (unready) return reject(unready);
          client.getTunnel({name}, new Metadata(), {deadline: Date.now() + 10_000}, error =>
            error ? reject(error) : resolve(),
          );
        });
      });
      found.push(performance.now() - start);
      await delay(10);
    } while (performance.now() < end);
  } finally {
    client.close();
  }
  return found;
}

/** What a process has of the machine. */
export const resources = (pid: number) => ({
  /** Bytes in memory. */
  residentMemory: Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
  descriptors: readdirSync(`/proc/${pid}/fd`).length,
});
