import test from 'ava';
import fc from 'fast-check';
import {authorize, type Reach, type RefusalReason, type Target} from '../../../src/access/authorize.js';
import {type Grant, type Role, roles} from '../../../src/access/policy.js';
import type {ServiceType} from '../../../src/services/tunnel-spec.js';

const viewer: Grant = {role: 'viewer'};
const operator: Grant = {role: 'operator'};
const operatorOf = (services?: ServiceType[], interfaces?: string[]): Grant => ({
  role: 'operator',
  services: services && new Set(services),
  interfaces: interfaces && new Set(interfaces),
});
const ibrl: Target = {service: 'ibrl', interface: 'doublezero0'};
const edge: Target = {service: 'edgeFiltering', interface: 'doublezero0'};
const multicast: Target = {service: 'multicast', interface: 'doublezero1'};
const nothingThere: Target = {service: undefined, interface: 'doublezero0'};

const decided = test.macro({
  title: (behaviour = '') => behaviour,
  exec(t, grants: Grant[], role: Role, reach: Reach, expected: RefusalReason | 'allowed') {
    const decision = authorize(grants, role, reach);
    t.is(decision.allowed ? 'allowed' : decision.reason, expected);
    if (!decision.allowed) t.is(decision.role, role);
  },
});

for (const reach of [[ibrl], 'some', 'all'] as const) {
  const what = typeof reach === 'string' ? `of ${reach}` : 'of a tunnel';
  test(`nobody reads ${what} without a role`, decided, [], 'viewer', reach, 'no-role');
  test(`nobody changes ${what} without a role`, decided, [], 'operator', reach, 'no-role');
  test(`a viewer reads ${what}`, decided, [viewer], 'viewer', reach, 'allowed');
  test(`a viewer does not change ${what}`, decided, [viewer], 'operator', reach, 'role-too-low');
  test(`an operator reads ${what}`, decided, [operator], 'viewer', reach, 'allowed');
  test(`an operator changes ${what}`, decided, [operator], 'operator', reach, 'allowed');
  test(`a narrowed operator reads ${what}`, decided, [operatorOf(['multicast'])], 'viewer', reach, 'allowed');
}

const narrow = operatorOf(['ibrl', 'multicast']);
test('a narrowed operator changes what it is an operator of', decided, [narrow], 'operator', [ibrl], 'allowed');
test('a narrowed operator changes nothing else', decided, [narrow], 'operator', [edge], 'outside-narrowing');
test(
  'a change from one service to another needs both',
  decided,
  [narrow],
  'operator',
  [ibrl, edge],
  'outside-narrowing',
);
test('a narrowed operator is one of some tunnels', decided, [narrow], 'operator', 'some', 'allowed');
test('a narrowed operator is not one of all', decided, [narrow], 'operator', 'all', 'outside-narrowing');
test(
  'where there is no tunnel its service is not covered',
  decided,
  [narrow],
  'operator',
  [nothingThere],
  'outside-narrowing',
);
test(
  'where there is no tunnel its interface is',
  decided,
  [operatorOf(undefined, ['doublezero0'])],
  'operator',
  [nothingThere],
  'allowed',
);
test(
  'an interface narrows',
  decided,
  [operatorOf(undefined, ['doublezero1'])],
  'operator',
  [ibrl],
  'outside-narrowing',
);

const both = operatorOf(['ibrl'], ['doublezero1']);
test('services and interfaces must both match: interface', decided, [both], 'operator', [ibrl], 'outside-narrowing');
test('services and interfaces must both match: service', decided, [both], 'operator', [multicast], 'outside-narrowing');
test('an empty narrowing is no tunnel', decided, [operatorOf([])], 'operator', [ibrl], 'outside-narrowing');

const two = [operatorOf(['ibrl']), operatorOf(undefined, ['doublezero1'])];
test('grants add up', decided, two, 'operator', [ibrl, multicast], 'allowed');
test('grants add up to no more than each of them', decided, two, 'operator', [edge], 'outside-narrowing');
test('narrowed grants do not add up to all', decided, two, 'operator', 'all', 'outside-narrowing');
test('a narrowed grant takes nothing from another', decided, [narrow, viewer, operator], 'operator', [edge], 'allowed');

test('where the reach is not said it is all', t => {
  t.false(authorize([narrow], 'operator').allowed);
  t.true(authorize([operator], 'operator').allowed);
});

const service = fc.constantFrom<ServiceType>('ibrl', 'ibrlWithAllocatedIp', 'edgeFiltering', 'multicast');
const name = fc.constantFrom('doublezero0', 'doublezero1');
const grant = fc.record({
  role: fc.constantFrom(...roles),
  services: fc.option(
    fc.array(service).map(list => new Set(list)),
    {nil: undefined},
  ),
  interfaces: fc.option(
    fc.array(name).map(list => new Set(list)),
    {nil: undefined},
  ),
});
const target = fc.record({service: fc.option(service, {nil: undefined}), interface: name});
const reach: fc.Arbitrary<Reach> = fc.oneof(fc.array(target), fc.constantFrom('some' as const, 'all' as const));

test('another grant never takes anything away', t => {
  fc.assert(
    fc.property(fc.array(grant), grant, fc.constantFrom(...roles), reach, (grants, more, role, far) => {
      t.true(!authorize(grants, role, far).allowed || authorize([...grants, more], role, far).allowed);
    }),
  );
});

test('whoever may change all may change each, and whoever may change one may read', t => {
  fc.assert(
    fc.property(fc.array(grant), reach, target, (grants, far, one) => {
      const may = (role: Role, how: Reach) => authorize(grants, role, how).allowed;
      t.true(!may('operator', 'all') || may('operator', [one]));
      t.true(!may('operator', far) || (may('operator', 'some') && may('viewer', far)));
    }),
  );
});
