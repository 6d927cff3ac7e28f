import test from 'ava';
import {Quarantine} from '../../../src/access/quarantine.js';

const openWorld = (parties?: number) => {
  const clock = {time: 1000};
  const options = {duration: 10_000, now: () => clock.time, ...(parties === undefined ? {} : {parties})};
  return {clock, quarantine: new Quarantine(options)};
};

test('a party is kept out for so long, and others are not', t => {
  const {clock, quarantine} = openWorld();
  quarantine.add('a');
  t.true(quarantine.has('a'));
  t.false(quarantine.has('b'));
  clock.time += 9999;
  t.true(quarantine.has('a'));
  clock.time += 1;
  t.false(quarantine.has('a'));
});

test('who does it again is kept out from then on', t => {
  const {clock, quarantine} = openWorld();
  quarantine.add('a');
  clock.time += 9000;
  quarantine.add('a');
  clock.time += 9000;
  t.true(quarantine.has('a'));
});

test('no more than so many are remembered, the latest', t => {
  const {quarantine} = openWorld(3);
  for (const party of ['a', 'b', 'c', 'd']) quarantine.add(party);
  t.deepEqual(
    ['a', 'b', 'c', 'd'].filter(party => quarantine.has(party)),
    ['b', 'c', 'd'],
  );
});

test('who has served its time is forgotten when another comes', t => {
  const {clock, quarantine} = openWorld();
  for (const party of ['a', 'b', 'c']) quarantine.add(party);
  clock.time += 10_000;
  quarantine.add('d');
  t.is(quarantine.size, 1);
});
