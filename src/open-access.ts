import {statSync} from 'node:fs';
import type {AuditTrail} from './access/audit.js';
import {kernelFallocate} from './access/audit-fallocate.js';
import {openAuditTrail} from './access/audit-trail.js';
import {defaultPolicy} from './access/default-policy.js';
import {fixed, type PolicySource} from './access/policy.js';
import {FilePolicySource} from './access/policy-source.js';
import type {Options} from './config/options.js';
import {UsageError} from './config/usage-error.js';
import type {TlsSource} from './rpc/tls-credentials.js';
import {TlsFileSource} from './rpc/tls-file-source.js';
import type {Logger} from './telemetry/logger.js';
import type {Metrics} from './telemetry/metrics.js';

/** Who may call what, how the remote ones are known, and where it is written down. */
export interface Access extends Disposable {
  readonly policy: PolicySource;
  /** Where listeners with TLS are asked for. */
  readonly tls: TlsSource | undefined;
  readonly audit: AuditTrail;
  /** Reads policy and certificates again and opens the audit log anew, as SIGHUP asks for. Never throws. */
  reload(): void;
}

/**
 * @throws {UsageError} where remote callers could connect, and nothing says what they may do
 * @throws {TlsError} where the files of TLS cannot be used
 * @throws {PolicyError} where the policy cannot be used
 * @throws {AuditError} where the audit log cannot be used
 */
export async function openAccess(
  {tls: files, policy: path, audit: {file, required}, socket}: Options,
  log: Logger,
  metrics: Metrics,
): Promise<Access> {
  if (files && path === undefined) {
    throw new UsageError('--policy is missing: without one nobody could do anything over TLS');
  }
  const tls = files && TlsFileSource.open(files, {log, metrics});
  const fallocate = required ? kernelFallocate() : undefined;
  const audit = openAuditTrail({file, required, log, metrics, fallocate});
  const fromFile = path === undefined ? undefined : await FilePolicySource.open(path, {log, metrics});
  const uid = process.geteuid?.() ?? 0;
  return {
    policy: fromFile ?? fixed(defaultPolicy({uid, socketGid: () => statSync(socket, {throwIfNoEntry: false})?.gid})),
    audit,
    tls,
    reload() {
      audit.reopen();
      void tls?.reload();
      void fromFile?.reload();
    },
    [Symbol.dispose]() {
      tls?.[Symbol.dispose]();
      fromFile?.[Symbol.dispose]();
      audit[Symbol.dispose]();
    },
  };
}
