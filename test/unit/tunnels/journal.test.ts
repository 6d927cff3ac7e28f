import {chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import type {TunnelSpec} from '../../../src/services/tunnel-spec.js';
import {FileJournal, JournalError} from '../../../src/tunnels/journal.js';
import {formatEntry, type JournalEntry} from '../../../src/tunnels/journal-entry.js';
import {parseSpec, type SpecInput} from '../../../src/tunnels/spec-parse.js';
import {sampleNames, samples} from '../../samples.js';

const specOf = (input: SpecInput) => parseSpec(input) as TunnelSpec;
const entryOf = (input: SpecInput, more: Partial<JournalEntry> = {}): JournalEntry => ({
  name: input.serviceType === 'multicast' ? 'doublezero1' : 'doublezero0',
  uid: '0b44c7a1-6a3c-4a2e-9c45-0d2f4ab91c2e',
  createTime: new Date('2026-01-02T03:04:05.678Z'),
  updateTime: new Date('2026-02-03T04:05:06.789Z'),
  spec: specOf(input),
  ...more,
});

async function openFolder() {
  const path = await mkdtemp(join(tmpdir(), 'doublezerod-journal-'));
  const corrupt: {setAside: string; reason: string}[] = [];
  return {
    path,
    file: join(path, 'tunnels.json'),
    corrupt,
    open: () => FileJournal.open(path, (setAside, reason) => corrupt.push({setAside, reason})),
    text: () => readFile(join(path, 'tunnels.json'), 'utf8'),
    async [Symbol.asyncDispose]() {
      await chmod(path, 0o700);
      await rm(path, {recursive: true});
    },
  };
}

for (const sample of sampleNames) {
  test(`an entry of ${sample} is found again as it was put`, async t => {
    await using folder = await openFolder();
    const entry = entryOf(samples[sample], {former: specOf(samples.subscriber), unfinished: true});
    await (await folder.open()).put(entry);
    const {restored, isNew} = await folder.open();
    t.deepEqual(restored, [entry]);
    t.false(isNew);
  });
}

test('the file is small, readable JSON by the names of the protos, for its owner only', async t => {
  await using folder = await openFolder();
  await (await folder.open()).put(entryOf(samples.ibrl));
  const content = JSON.parse(await folder.text());
  t.is(content.version, 1);
  t.like(content.tunnels[0].spec, {service_type: 'ibrl', tunnel_dst: '192.0.2.2', bgp_local_asn: 65_000});
  t.deepEqual(Object.keys(content.tunnels[0]), ['uid', 'create_time', 'update_time', 'spec']);
  t.is((await stat(folder.file)).mode & 0o777, 0o600);
});

test('a state directory that is not there is made, and a new journal is empty', async t => {
  await using folder = await openFolder();
  const journal = await FileJournal.open(join(folder.path, 'a/b'), () => t.fail());
  t.deepEqual(journal.restored, []);
  t.true(journal.isNew);
});

test('changes of both slots at the same time are all kept', async t => {
  await using folder = await openFolder();
  const journal = await folder.open();
  const {ibrl, edgeFiltering, multicast, subscriber} = samples;
  await Promise.all([
    journal.put(entryOf(ibrl)),
    journal.put(entryOf(multicast)),
    journal.delete('doublezero0'),
    journal.put(entryOf(subscriber)),
    journal.put(entryOf(edgeFiltering)),
  ]);
  const {restored = []} = await folder.open();
  t.deepEqual(
    restored.toSorted((a, b) => a.name.localeCompare(b.name)),
    [entryOf(edgeFiltering), entryOf(subscriber)],
  );
});

test('what a crash between write and rename leaves is not taken for the journal, and is written over', async t => {
  await using folder = await openFolder();
  await (await folder.open()).put(entryOf(samples.ibrl));
  await writeFile(`${folder.file}.new`, '{"version": 1, "tunnels": [{"half":');
  const journal = await folder.open();
  t.deepEqual(journal.restored, [entryOf(samples.ibrl)]);
  t.deepEqual(folder.corrupt, []);
  await journal.put(entryOf(samples.edgeFiltering));
  t.deepEqual((await folder.open()).restored, [entryOf(samples.edgeFiltering)]);
  t.deepEqual(await readdir(folder.path), ['tunnels.json']);
});

const whole = () => JSON.stringify({version: 1, tunnels: [formatEntry(entryOf(samples.edgeFiltering))]});
const altered = (change: (entry: Record<string, unknown>, spec: Record<string, unknown>) => void): string => {
  const content = JSON.parse(whole());
  change(content.tunnels[0], content.tunnels[0].spec);
  return JSON.stringify(content);
};

const corrupt: Record<string, string> = {
  'an empty file': '',
  'no JSON': 'tunnels: none',
  'binary zeros': '\0'.repeat(200),
  'a truncated file': whole().slice(0, -40),
  'no object': '7',
  null: 'null',
  'a list': '[]',
  'no version': '{"tunnels": []}',
  'a version that is no number': '{"version": "1", "tunnels": []}',
  'an older version that never was': '{"version": 0, "tunnels": []}',
  'no tunnels': '{"version": 1}',
  'tunnels that are no list': '{"version": 1, "tunnels": {}}',
  'a tunnel that is no object': '{"version": 1, "tunnels": ["ibrl"]}',
  'an address that is none': altered((_, spec) => (spec.tunnel_dst = '192.0.2')),
  'a number in place of a text': altered((_, spec) => (spec.tunnel_dst = 7)),
  'a text in place of a number': altered((_, spec) => (spec.bgp_local_asn = '65000')),
  'a text in place of a list': altered((_, spec) => (spec.doublezero_prefixes = '203.0.113.0/24')),
  'a service that does not exist': altered((_, spec) => (spec.service_type = 'teleport')),
  'a service type that is a property of every object': altered((_, spec) => (spec.service_type = 'constructor')),
  'a spec that no request could have': altered((_, spec) => (spec.doublezero_prefixes = [])),
  'a missing field': altered((_, spec) => delete spec.tunnel_net),
  'no underlay source': altered((_, spec) => (spec.tunnel_src = '')),
  'no spec': altered(entry => delete entry.spec),
  'a time that is none': altered(entry => (entry.create_time = 'yesterday')),
  'a uid that is none': altered(entry => (entry.uid = null)),
  'a former spec that is none': altered(entry => (entry.former = 'ibrl')),
  'a doom that is neither': altered(entry => (entry.doomed = 'maybe')),
  'two tunnels of one interface': JSON.stringify({
    version: 1,
    tunnels: [formatEntry(entryOf(samples.ibrl)), formatEntry(entryOf(samples.edgeFiltering))],
  }),
};

for (const [what, text] of Object.entries(corrupt)) {
  test(`${what} is set aside whole, with a reason, and nothing is known`, async t => {
    await using folder = await openFolder();
    await writeFile(folder.file, text);
    const journal = await folder.open();
    t.is(journal.restored, undefined);
    const [{setAside = '', reason = ''} = {}, ...more] = folder.corrupt;
    t.deepEqual(more, []);
    t.not(reason, '');
    t.is(await readFile(setAside, 'utf8'), text);
    t.deepEqual(await readdir(folder.path), [setAside.slice(folder.path.length + 1)]);
    await journal.put(entryOf(samples.ibrl));
    t.deepEqual((await folder.open()).restored, [entryOf(samples.ibrl)]);
  });
}

test('a file of a newer version is refused, named, and left as it is', async t => {
  await using folder = await openFolder();
  const text = '{"version": 2, "tunnels": {"of": "another shape"}}';
  await writeFile(folder.file, text);
  const error = await t.throwsAsync(folder.open(), {instanceOf: JournalError});
  t.regex(error.message, /tunnels\.json was written by a newer doublezerod \(version 2 .* knows 1\)/);
  t.is(await folder.text(), text);
});

test('a journal that cannot be read is an error that names the flag', async t => {
  await using folder = await openFolder();
  await mkdir(folder.file);
  const error = await t.throwsAsync(folder.open(), {instanceOf: JournalError});
  t.regex(error.message, /^--state-dir .*EISDIR/);
});

test('a state directory that is a file is an error that names the flag', async t => {
  await using folder = await openFolder();
  await writeFile(join(folder.path, 'file'), '');
  const error = await t.throwsAsync(
    FileJournal.open(join(folder.path, 'file'), () => t.fail()),
    {instanceOf: JournalError},
  );
  t.regex(error.message, /^--state-dir .*file: .*EEXIST/);
});

test('a change that cannot be written leaves journal and memory as they were, and the next one succeeds', async t => {
  await using folder = await openFolder();
  const journal = await folder.open();
  await journal.put(entryOf(samples.ibrl));
  const before = await folder.text();
  await mkdir(`${folder.file}.new`); // in the way, for root as well
  await t.throwsAsync(journal.put(entryOf(samples.edgeFiltering)), {instanceOf: JournalError, message: /EISDIR/});
  await t.throwsAsync(journal.delete('doublezero0'), {instanceOf: JournalError});
  t.is(await folder.text(), before);
  await rm(`${folder.file}.new`, {recursive: true});
  await journal.put(entryOf(samples.subscriber));
  t.deepEqual((await folder.open()).restored, [entryOf(samples.ibrl), entryOf(samples.subscriber)]);
});
