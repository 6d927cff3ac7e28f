import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Registry from 'prom-client/lib/registry.js';

const prefix = 'doublezerod_';

/** Names of limits: of the flag that sets it, without dashes in front; and of those that are fixed. */
export const limitNames = [
  'max-connections',
  'max-streams',
  'max-message-size',
  'handshake-timeout',
  'idle-timeout',
  'max-changes',
  'max-watchers',
  'flood',
  'memory',
  'stall',
] as const;
export type LimitName = (typeof limitNames)[number];

/**
 * All metrics of the daemon, as Prometheus wants them: https://prometheus.io/docs/practices/naming/. Those that have not
 * happened yet read 0 where their labels are known beforehand; where only others know them it is theirs to say so.
 */
export class Metrics {
  readonly registry = new Registry();

  /** Calls that have ended, by RPC and gRPC status. */
  readonly calls = this.#counter('calls_total', 'Calls ended, by method and gRPC status.', ['method', 'code']);
  /** Connections open now, by listener. */
  readonly connections = this.#gauge('connections', 'Connections open now, by listener.', ['listener']);
  /** `WatchTunnels` calls open now. */
  readonly watchers = this.#gauge('watchers', 'WatchTunnels calls open now.');
  /** Times that a caller met a limit, by the name of its flag without dashes in front: `max-connections`; see `limitNames`. */
  readonly limited = this.#counter('limited_total', 'Times a limit was met, by its flag or name.', ['limit']);
  /** Calls that were refused by policy, by reason. */
  readonly refused = this.#counter('refused_total', 'Calls refused by policy, by reason.', ['reason']);
  /** Connections that came to nothing, by what was wrong: of TLS, of HTTP/2, of the caller's credentials. */
  readonly handshakeFailures = this.#counter('handshake_failures_total', 'Connections that failed, by reason.', [
    'reason',
  ]);
  /** HTTP/2 connections that failed: broken rules of the protocol, or floods that nghttp2 itself ends. */
  readonly sessionErrors = this.#counter('session_errors_total', 'HTTP/2 connections that failed.');
  /** Certificates and CA bundles read anew, by outcome: `ok`, `error`. */
  readonly tlsReloads = this.#counter('tls_reloads_total', 'Reloads of TLS files, by outcome.', ['outcome']);
  /** 1 while the files of TLS on disk are unusable and older ones are in use. */
  readonly tlsStale = this.#gauge('tls_stale', '1 while newer TLS files are unusable and older ones in use.');
  /** Days until a certificate expires, by flag: `tls-cert`, `tls-client-ca` (the first of the bundle to do so). */
  readonly tlsDaysToExpiry = this.#gauge('tls_days_to_expiry', 'Days until a certificate expires, by flag.', ['file']);
  /** Policies read anew, by outcome: `ok`, `error`. */
  readonly policyReloads = this.#counter('policy_reloads_total', 'Reloads of the policy, by outcome.', ['outcome']);
  /** 1 while the policy on disk is unusable and an older one in use. */
  readonly policyStale = this.#gauge('policy_stale', '1 while the newer policy is unusable and an older one in use.');
  /** Lines of the audit log. */
  readonly auditRecords = this.#counter('audit_records_total', 'Audit records, by outcome.', ['outcome']);

  constructor() {
    for (const limit of limitNames) this.limited.inc({limit}, 0);
    for (const reloads of [this.tlsReloads, this.policyReloads]) {
      for (const outcome of ['ok', 'error']) reloads.inc({outcome}, 0);
    }
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({name: prefix + name, help, labelNames, registers: [this.registry]});
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({name: prefix + name, help, labelNames, registers: [this.registry]});
  }
}
