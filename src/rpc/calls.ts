import {once} from 'node:events';
import {type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status} from '@grpc/grpc-js';
import {LimitReached} from '../access/limit-reached.js';
import type {WatchCount} from '../access/watch-count.js';
import type {Metrics} from '../telemetry/metrics.js';
import {NotStarted} from '../tunnels/errors.js';
import {Context} from './call-context.js';
import type {CallReports} from './call-reports.js';
import {Change, type ChangeRules} from './changes.js';
import type {Gate} from './gate.js';
import type {StreamRpc, UnaryRpc} from './rpcs.js';
import {toStatus} from './status.js';

type UnaryCall = ServerUnaryCall<unknown, Buffer>;
type StreamCall = ServerWritableStream<unknown, Buffer>;
export type Serialize = (message: unknown) => Buffer;

/** What all calls have in common. */
export interface CallEnvironment extends ChangeRules {
  readonly gate: Pick<Gate, 'admission'>;
  readonly watchers: WatchCount;
  readonly metrics: Pick<Metrics, 'watchers'>;
  readonly reports: CallReports;
}

interface Method extends CallEnvironment {
  readonly name: string;
  readonly serialize: Serialize;
}

/** Wraps a unary handler for grpc-js. */
export const handleUnary =
  ({name, serialize, gate, reports, ...rules}: Method, rpc: UnaryRpc<unknown, unknown>) =>
  async (call: UnaryCall, respond: sendUnaryData<Buffer>): Promise<void> => {
    const admission = gate.admission(call);
    if (!admission) return; // the connection is gone, and with it who would hear an answer
    const report = reports.begin(name, admission);
    const context = new Context(call);
    const handler = 'toJson' in rpc ? new Change(rpc, name, admission) : rpc;
    const change = handler instanceof Change ? handler : undefined;
    try {
      // First: a change that comes too late leaves a record as well, and so counts.
      change?.begin(call.request, rules);
      refuseIfLate(call);
      const response = serialize(await handler.handle(call.request, context));
      // Cancelled before the answer: the caller does not hear the outcome, so the log has to tell it.
      report({code: status.OK, change, isCancelled: call.cancelled});
      respond(null, response);
    } catch (error) {
      const answer = toStatus(error);
      report({code: answer.code, error, change, isCancelled: call.cancelled});
      respond(answer);
    }
  };

/** Wraps a server-streaming handler for grpc-js. */
export const handleStream =
  ({name, serialize, gate, reports, watchers, metrics}: Method, rpc: StreamRpc<unknown, unknown>) =>
  async (call: StreamCall): Promise<void> => {
    const admission = gate.admission(call);
    if (!admission) return;
    const report = reports.begin(name, admission);
    const context = new Context(call);
    const cut = (error: unknown) => {
      if (isOver(call)) return;
      const answer = toStatus(error);
      report({code: answer.code, error});
      call.emit('error', answer); // grpc-js's way to end a stream with a status
    };
    using watcher = watchers.open(admission.identity);
    if (!watcher) {
      cut(new LimitReached(admission.identity, 'max-watchers', retryWatchAfter));
      return;
    }
    metrics.watchers.inc();
    try {
      refuseIfLate(call);
      const streamContext = {
        cut,
        get signal() {
          return context.signal;
        },
      };
      for await (const message of rpc.handle(call.request, streamContext)) {
        if (isOver(call)) break;
        // Without the wait every message to a caller that does not read would stay in memory.
        if (!call.write(serialize(message))) await once(call, 'drain', {signal: context.signal});
      }
      if (!isOver(call)) {
        report({code: status.OK});
        call.end();
      }
    } catch (error) {
      cut(error);
    } finally {
      // What was ended from here, or by whoever ends streams, is told of already.
      if (call.cancelled && !call.writableEnded) report({code: status.CANCELLED});
      metrics.watchers.dec();
    }
  };

/** Milliseconds. Whether a place among the watchers gets free nobody can tell. */
const retryWatchAfter = 10_000;

/** Cancelled, past its deadline, or ended by the server's shutdown. */
const isOver = (call: StreamCall): boolean => call.cancelled || call.writableEnded;

function refuseIfLate(call: UnaryCall | StreamCall): void {
  if (call.cancelled || Number(call.getDeadline()) <= Date.now()) throw new NotStarted();
}
