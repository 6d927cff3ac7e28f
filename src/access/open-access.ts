import {statSync} from 'node:fs';
import {getSystemErrorName} from 'node:util';
import type {Options} from '../config/options.js';
import {LibcUnavailable, openLibc} from '../libc/libc.js';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import type {AuditTrail} from './audit.js';
import type {Fallocate} from './audit-room.js';
import {openAuditTrail} from './audit-trail.js';
import {defaultPolicy} from './default-policy.js';
import {fixed, type PolicySource} from './policy.js';
import {FilePolicySource} from './policy-source.js';

/** Who may call what, and where it is written down. */
export interface Access extends Disposable {
  readonly policy: PolicySource;
  readonly audit: AuditTrail;
  /** Reads the policy again and opens the audit log anew, as SIGHUP asks for. Never throws. */
  reload(): void;
}

/**
 * @throws {PolicyError} where the policy cannot be used
 * @throws {AuditError} where the audit log cannot be used
 */
export async function openAccess(
  {policy: path, audit: {file, required}, socket}: Options,
  log: Logger,
  metrics: Metrics,
): Promise<Access> {
  const fallocate = required ? fallocateOfLibc() : undefined;
  const audit = openAuditTrail({file, required, log, metrics, fallocate});
  const fromFile = path === undefined ? undefined : await FilePolicySource.open(path, {log, metrics});
  const uid = process.geteuid?.() ?? 0;
  return {
    policy: fromFile ?? fixed(defaultPolicy({uid, socketGid: () => statSync(socket).gid})),
    audit,
    reload() {
      audit.reopen();
      void fromFile?.reload();
    },
    [Symbol.dispose]() {
      fromFile?.[Symbol.dispose]();
      audit[Symbol.dispose]();
    },
  };
}

function fallocateOfLibc(): Fallocate | undefined {
  try {
    const libc = openLibc();
    return (...args) => {
      if (libc.fallocate(...args) === 0) return;
      const code = getSystemErrorName(-libc.errno());
      throw Object.assign(new Error(`${code}: fallocate`), {code});
    };
  } catch (error) {
    if (error instanceof LibcUnavailable) return undefined;
    throw error;
  }
}
