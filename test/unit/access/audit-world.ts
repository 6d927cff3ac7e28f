import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Writable} from 'node:stream';
import {createLogger, transports} from 'winston';
import type {AuditRecord, OpenAuditTrail} from '../../../src/access/audit.js';
import {kernelFallocate} from '../../../src/access/audit-fallocate.js';
import {FileAuditTrail, type FileAuditTrailOptions} from '../../../src/access/audit-file-trail.js';
import {Metrics} from '../../../src/telemetry/metrics.js';

export const sampleRecord = (more: Partial<AuditRecord> = {}): AuditRecord => ({
  time: Date.UTC(2026, 10, 23, 10, 0, 0, 123),
  caller: {kind: 'local', uid: 1000, gids: [1000, 27], pid: 4711, program: 'dzctl'},
  peer: 'unix:/run/doublezerod/doublezerod.sock',
  method: 'ProvisionTunnel',
  request: {spec: {service_type: 'SERVICE_TYPE_IBRL', tunnel_dst: '192.0.2.2'}, validate_only: true},
  etagAfter: '"a1"',
  outcome: 'OK',
  duration: 12.3456789,
  ...more,
});

/** A line of about so many octets. */
export const longRecord = (octets: number): AuditRecord => sampleRecord({request: {spec: 'x'.repeat(octets)}});

export type Line = Record<string, unknown> & {readonly run: string; readonly sequence: number};

/** Every line of the file; fails where one is not JSON, or the last one has no end. */
export function linesOf(path: string): Line[] {
  const text = readFileSync(path, 'latin1');
  if (text !== '' && !text.endsWith('\n')) throw new Error(`torn: ${text.slice(-80)}`);
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line));
}

export const sequencesOf = (path: string): number[] => linesOf(path).map(({sequence}) => sequence);

export interface Event extends Record<string, unknown> {
  readonly level: string;
  readonly message: string;
}

/** What trails need around them, with all that they log and count. */
export function openSurroundings() {
  const events: Event[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      events.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const metrics = new Metrics();
  return {
    events,
    names: () => events.map(({message}) => message),
    metrics,
    log: createLogger({level: 'debug', transports: [new transports.Stream({stream})]}),
    async count(outcome: 'written' | 'lost'): Promise<number | undefined> {
      const {values} = await metrics.auditRecords.get();
      return values.find(({labels}) => labels.outcome === outcome)?.value;
    },
  };
}

/** Trails over one file, as one run of the daemon after the other has them. */
export function openAuditWorld(directory: string) {
  const surroundings = openSurroundings();
  const {log, metrics} = surroundings;
  const file = join(directory, 'audit.log');
  const opened: OpenAuditTrail[] = [];
  return {
    ...surroundings,
    directory,
    file,
    open(options: Partial<FileAuditTrailOptions> = {}): FileAuditTrail {
      const fallocate = options.required ? kernelFallocate() : undefined;
      const trail = new FileAuditTrail({file, required: false, log, metrics, fallocate, ...options});
      opened.push(trail);
      return trail;
    },
    [Symbol.dispose]() {
      for (const trail of opened) trail[Symbol.dispose]();
    },
  };
}

export function openFolderWorld() {
  const directory = mkdtempSync(join(tmpdir(), 'doublezerod-audit-'));
  const world = openAuditWorld(directory);
  return {
    ...world,
    [Symbol.dispose]() {
      world[Symbol.dispose]();
      rmSync(directory, {recursive: true});
    },
  };
}
