import {credentials, type ServiceError} from '@grpc/grpc-js';
import {Controller} from '../lab/controller.js';
import {specs} from '../lab/specs.js';
import {TunnelServiceClient} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {Child, daemonProgram, programHere, temporaryFolder} from './child.js';
import {EmptyClient} from './empty-service.js';
import type {Part} from './part.js';
import {median, quantile, ratioAtLeast, row} from './row.js';

const rounds = 31;
const roundMs = 200;
const warmUpMs = 1500;
const inFlight = [1, 16, 64];

/** Begins a call and says when it is over. */
export type Call = (done: (error: ServiceError | null) => void) => unknown;

interface Figures {
  /** Calls a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Keeps so many calls in flight for the time given. */
export function load(call: Call, width: number, durationMs: number): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const latencies: number[] = [];
    const begin = performance.now();
    let running = width;
    const finish = () => {
      const rate = (latencies.length * 1000) / (performance.now() - begin);
      resolve({rate, p50: median(latencies), p99: quantile(latencies, 0.99)});
    };
    const next = () => {
      const start = performance.now();
      call(error => {
        if (error) return reject(error);
        const now = performance.now();
        latencies.push(now - start);
        if (now - begin < durationMs) next();
        else if (--running === 0) finish();
      });
    };
    for (let index = 0; index < width; index++) next();
  });
}

/** GetTunnel of a running daemon against an empty call of grpc-js with the same options, each server in its own process. */
export const calls: Part = async () => {
  await using folder = await temporaryFolder();
  const [socket, emptySocket] = [folder.socket('daemon'), folder.socket('empty')];
  await using _daemon = await Child.start(daemonProgram, '--netlink=memory', '--socket', socket);
  await using _empty = await Child.start(programHere('empty-server.js'), emptySocket);
  using controller = new Controller(socket);
  const {name} = await controller.provision(specs.ibrl);

  const client = new TunnelServiceClient(`unix:${socket}`, credentials.createInsecure());
  const emptyClient = new EmptyClient(`unix:${emptySocket}`, credentials.createInsecure());
  const getTunnel: Call = done => client.getTunnel({name}, done);
  const emptyCall: Call = done => emptyClient.call({}, done);
  for (const call of [getTunnel, emptyCall]) await load(call, 16, warmUpMs);

  const rows = [];
  for (const width of inFlight) {
    const [ours, reference]: [Figures[], Figures[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      ours.push(await load(getTunnel, width, roundMs));
      reference.push(await load(emptyCall, width, roundMs));
    }
    const figure = (title: string, key: keyof Figures, unit: string, ...judge: [ReturnType<typeof ratioAtLeast>?]) =>
      row(title, median(ours.map(round => round[key])), median(reference.map(round => round[key])), unit, ...judge);
    const what = `GetTunnel, ${width} in flight`;
    rows.push(
      figure(`${what}, against an empty call`, 'rate', 'calls/s', ratioAtLeast(0.9)),
      figure(`${what}, latency p50`, 'p50', 'ms'),
      figure(`${what}, latency p99`, 'p99', 'ms'),
    );
  }
  client.close();
  emptyClient.close();
  return rows;
};
