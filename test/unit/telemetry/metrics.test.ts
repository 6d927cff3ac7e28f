import {readFile} from 'node:fs/promises';
import test from 'ava';
import {flags, parsedFlags} from '../../../src/config/flags.js';
import {limitNames, Metrics} from '../../../src/telemetry/metrics.js';
import {parseExposition} from './exposition.js';

const familiesOf = async (metrics: Metrics) => parseExposition(await metrics.registry.metrics());

test('names, types and texts are as Prometheus wants them', async t => {
  for (const [name, {type, help}] of await familiesOf(new Metrics())) {
    t.regex(name, /^doublezerod_[a-z]+(_[a-z]+)*$/);
    t.true(['counter', 'gauge'].includes(type), `${name} is a ${type}`);
    t.is(name.endsWith('_total'), type === 'counter', name);
    t.true(help.length > 0, name);
  }
});

test('every limit is a flag but for those that are fixed, and reads 0 from the start', async t => {
  t.deepEqual(
    limitNames.filter(limit => !(limit in flags)),
    ['flood', 'memory', 'stall'],
  );
  const {samples = []} = (await familiesOf(new Metrics())).get('doublezerod_limited_total') ?? {};
  t.deepEqual(
    samples.map(({labels, value}) => [labels.limit, value]),
    limitNames.map(limit => [limit, 0]),
  );
});

test('what has no labels, and reloads, read 0 from the start', async t => {
  const families = await familiesOf(new Metrics());
  for (const name of ['watchers', 'tls_stale', 'policy_stale']) {
    t.deepEqual(
      families.get(`doublezerod_${name}`)?.samples.map(({value}) => value),
      [0],
      name,
    );
  }
  for (const name of ['tls_reloads_total', 'policy_reloads_total']) {
    const samples = families.get(`doublezerod_${name}`)?.samples.map(({labels, value}) => [labels.outcome, value]);
    t.deepEqual(samples, [['ok', 0], ['error', 0]], name); // biome-ignore format: a pair a label
  }
});

test('docs/metrics.md lists every metric with its labels, and no other', async t => {
  const page = await readFile(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `(?<name>doublezerod_\w+)` *\| (?<type>\w+) *\| (?<labels>[^|]*?) *\|/gm);
  const described = [...rows].map(({groups}) => [groups?.name, groups?.type, groups?.labels?.match(/\w+(?=`)/g) ?? []]);
  const inCode = Object.values(new Metrics()).flatMap(metric =>
    'labelNames' in metric ? [[metric.name, metric.constructor.name.toLowerCase(), metric.labelNames]] : [],
  );
  t.true(inCode.length > 0);
  t.deepEqual(described, inCode);
});

test('docs/remote-controllers.md lists every limit with its default', async t => {
  const page = await readFile(new URL('../../../../docs/remote-controllers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(?<limit>[a-z-]+)` *\| (?<value>[^|]*?) *\|/gm)]
    .map(({groups}) => [groups?.limit, groups?.value])
    .filter(([limit]) => limitNames.some(name => name === limit));
  const inCode = limitNames.map(limit => [limit, parsedFlags[limit]?.default]);
  t.deepEqual(
    rows.map(([limit, value]) => [limit, limit && limit in flags ? value : undefined]),
    inCode,
  );
});
