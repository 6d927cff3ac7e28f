import {constants} from 'node:os';
import test from 'ava';
import type {NetlinkErrorKind} from '../../../src/netlink/netlinker.js';
import {errnoName, refusal} from '../../../src/netlink/refusal.js';

const kinds: Record<string, NetlinkErrorKind> = {
  EEXIST: 'exists',
  ENODEV: 'missing',
  ENOENT: 'missing',
  ESRCH: 'missing',
  EADDRNOTAVAIL: 'missing',
  EOPNOTSUPP: 'unsupported',
  EPROTONOSUPPORT: 'unsupported',
  EPERM: 'not-permitted',
  EINVAL: 'other',
  ENETUNREACH: 'other',
};

for (const [errno, kind] of Object.entries(kinds))
  test(`${errno} is ${kind}`, t => {
    t.like(refusal('routesReplace', errno), {operation: 'routesReplace', kind, errno});
  });

test('where no route leads, the route is missing', t => {
  t.is(refusal('routeGet', 'ENETUNREACH').kind, 'missing');
  t.is(refusal('routeGet', 'EHOSTUNREACH').kind, 'missing');
});

test('of two names for an errno the kernel speaks of one', t => {
  t.is(errnoName(constants.errno.EOPNOTSUPP), 'EOPNOTSUPP');
  t.is(errnoName(constants.errno.EAGAIN), 'EAGAIN');
  t.is(errnoName(constants.errno.EEXIST), 'EEXIST');
});

test('an errno without a name keeps its number', t => {
  t.is(errnoName(512), 'errno 512');
});
