import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import {openAuditTrail} from '../../../src/access/audit-trail.js';
import {logLevels} from '../../../src/telemetry/logger.js';
import {openSurroundings, sampleRecord} from './audit-world.js';

const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** A process of its own: the real log goes to standard output. */
const program = `
  const {createLogger} = await import(${module('../../../src/telemetry/logger.js')});
  const {openAuditTrail} = await import(${module('../../../src/access/audit-trail.js')});
  const {openSurroundings, sampleRecord} = await import(${module('./audit-world.js')});
  const root = createLogger({level: process.argv[1]});
  const {metrics} = openSurroundings();
  for (const log of [root, root.child({tunnel: 'doublezero0'})]) {
    const trail = openAuditTrail({file: undefined, required: false, log, metrics});
    trail.reserve(1000);
    for (let i = 0; i < 2; i++) trail.write(sampleRecord());
  }
  root.info('an event like any other');`;

for (const level of logLevels) {
  test(`without a file records go to the log, also with --log-level=${level}`, async t => {
    const args = ['--input-type=module', '--eval', program, level];
    const {stdout} = await promisify(execFile)(process.execPath, args);
    const events = stdout
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line));
    const records = events.filter(({message}) => message === 'audit.record');
    t.deepEqual(
      records.map(({sequence}) => sequence),
      [1, 2, 1, 2],
    );
    t.is(new Set(records.map(({run}) => run)).size, 2);
    t.like(records[0], {level: 'info', identity: 'uid:1000', method: 'ProvisionTunnel', outcome: 'OK'});
    t.like(records[0].spec, {tunnel_dst: '192.0.2.2'});
    t.is(events.length - records.length, level === 'info' || level === 'debug' ? 1 : 0);
  });
}

test('records in the log are counted, and one that cannot be written is lost without a throw', async t => {
  const {log, metrics, count, names} = openSurroundings();
  using trail = openAuditTrail({file: undefined, required: false, log, metrics});
  trail.write(sampleRecord());
  trail.write(sampleRecord({time: Number.NaN}));
  trail.write(sampleRecord());
  t.is(await count('written'), 2);
  t.is(await count('lost'), 1);
  t.deepEqual(names(), ['audit.record', 'audit.failing', 'audit.record', 'audit.recovered']);
});
