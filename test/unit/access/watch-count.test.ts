import test from 'ava';
import {WatchCount} from '../../../src/access/watch-count.js';

test('an identity may have so many watchers, and no more until one of them ends', t => {
  const watchers = new WatchCount(2);
  const first = watchers.open('uid:0');
  t.truthy(first);
  t.truthy(watchers.open('uid:0'));
  t.is(watchers.open('uid:0'), undefined);
  first?.[Symbol.dispose]();
  t.truthy(watchers.open('uid:0'));
  t.is(watchers.open('uid:0'), undefined);
});

test('identities do not count for each other', t => {
  const watchers = new WatchCount(1);
  t.truthy(watchers.open('uid:0'));
  t.truthy(watchers.open('spiffe://example.org/controller'));
  t.is(watchers.open('uid:0'), undefined);
});

test('a watcher that is said to end twice ends once', t => {
  const watchers = new WatchCount(2);
  const first = watchers.open('uid:0');
  watchers.open('uid:0');
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  t.truthy(watchers.open('uid:0'));
  t.is(watchers.open('uid:0'), undefined);
});

test('nothing is kept of an identity without watchers', t => {
  const watchers = new WatchCount(2);
  for (let uid = 0; uid < 1000; uid++) {
    using _first = watchers.open(`uid:${uid}`);
    using _second = watchers.open(`uid:${uid}`);
  }
  t.is(watchers.identities, 0);
});
