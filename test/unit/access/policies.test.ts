import test from 'ava';
import {type Binding, BoundPolicy} from '../../../src/access/bound-policy.js';
import {anonymous, type Caller} from '../../../src/access/caller.js';
import {defaultPolicy} from '../../../src/access/default-policy.js';

const local = (uid: number, ...gids: number[]): Caller => ({kind: 'local', uid, gids, pid: 1, program: 'test'});
const spiffe = (name: string): Caller => ({kind: 'certificate', nameKind: 'spiffe', name});

const without = test.macro({
  title: (who, role) => `without a file ${who} ${role ? `is ${role}` : 'may do nothing'}`,
  exec(t, role: 'operator' | 'viewer' | undefined, caller: Caller) {
    const policy = defaultPolicy({uid: 900, socketGid: () => 27});
    t.deepEqual(policy.grants(caller), role ? [{role}] : []);
  },
});
test('root', without, 'operator', local(0, 0));
test("the daemon's own user", without, 'operator', local(900, 900));
test("a member of the socket's group", without, 'viewer', local(1000, 1000, 27));
test("a user whose first group is the socket's", without, 'viewer', local(1000, 27));
test('a member of the group of root', without, undefined, local(1000, 0));
test("a user with the number of the socket's group", without, undefined, local(27, 1000));
test('whoever has shown nothing', without, undefined, anonymous);
test('whoever has a certificate', without, undefined, spiffe('spiffe://example.org/root'));

const operator: Binding = {
  role: 'operator',
  identities: ['spiffe://example.org/a/*', 'uid:1'],
  services: new Set(['ibrl']),
};
const viewer: Binding = {role: 'viewer', identities: ['spiffe://example.org/a/b', 'gid:27']};

test('what several bindings grant adds up', t => {
  const policy = new BoundPolicy([operator, viewer]);
  const roles = (caller: Caller) =>
    policy
      .grants(caller)
      .map(({role}) => role)
      .sort();
  t.deepEqual(roles(spiffe('spiffe://example.org/a/b')), ['operator', 'viewer']);
  t.deepEqual(roles(spiffe('spiffe://example.org/a/c')), ['operator']);
  t.deepEqual(roles(spiffe('spiffe://example.org/b')), []);
  t.deepEqual(roles(local(1, 27)), ['operator', 'viewer']);
  t.deepEqual(roles(local(2, 27, 28)), ['viewer']);
  t.deepEqual(roles(anonymous), []);
});

test('with a file root is nobody special', t => {
  t.deepEqual(new BoundPolicy([viewer]).grants(local(0, 0)), []);
});

test('a grant has its narrowing with it', t => {
  const [grant] = new BoundPolicy([operator]).grants(local(1));
  t.deepEqual(grant, {role: 'operator', services: new Set(['ibrl'])});
});

test('two policies that grant the same have the same digest', t => {
  const digest = (...bindings: Binding[]) => new BoundPolicy(bindings).digest;
  const same = digest(operator, viewer);
  t.is(digest(viewer, operator), same);
  t.is(digest(operator, viewer, viewer), same);
  t.is(
    digest(viewer, {...operator, identities: ['uid:1']}, {...operator, identities: ['spiffe://example.org/a/*']}),
    same,
  );
  t.is(
    digest({...operator, services: new Set(['ibrl', 'multicast'])}),
    digest({...operator, services: new Set(['multicast', 'ibrl'])}),
  );
  const others = [
    digest(operator),
    digest({...operator, services: undefined}, viewer),
    digest({...operator, services: new Set()}, viewer),
    digest({...operator, interfaces: new Set(['doublezero0'])}, viewer),
    digest({...operator, role: 'viewer'}, viewer),
    digest(operator, {...viewer, identities: ['gid:27']}),
    digest(),
  ];
  t.is(new Set([...others, same]).size, others.length + 1);
});
