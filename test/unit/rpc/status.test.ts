import {status} from '@grpc/grpc-js';
import test from 'ava';
import {NetlinkError} from '../../../src/netlink/netlinker.js';
import {RemoveTunnelResponse} from '../../../src/rpc/generated/doublezero/tunnel/v1/teardown.js';
import {RpcError, toStatus} from '../../../src/rpc/status.js';
import {InvalidArgument, NotStarted, type Reason, TunnelError} from '../../../src/tunnels/errors.js';
import {detailsOf} from '../../rpc/plumbing.js';

const reasons: Record<Reason, [code: status, reason: string]> = {
  'tunnel-exists': [status.ALREADY_EXISTS, 'TUNNEL_EXISTS'],
  'tunnel-not-found': [status.NOT_FOUND, 'TUNNEL_NOT_FOUND'],
  'etag-mismatch': [status.ABORTED, 'ETAG_MISMATCH'],
  'gre-unsupported': [status.FAILED_PRECONDITION, 'GRE_UNSUPPORTED'],
  'missing-capability': [status.FAILED_PRECONDITION, 'MISSING_CAPABILITY'],
  'multicast-unsupported': [status.FAILED_PRECONDITION, 'MULTICAST_UNSUPPORTED'],
  'interface-conflict': [status.FAILED_PRECONDITION, 'INTERFACE_CONFLICT'],
  'netlink-error': [status.INTERNAL, 'NETLINK_ERROR'],
  'state-not-durable': [status.INTERNAL, 'STATE_NOT_DURABLE'],
  draining: [status.UNAVAILABLE, 'DRAINING'],
};
for (const [reason, [code, name]] of Object.entries(reasons) as [Reason, [status, string]][]) {
  test(`${reason} answers ${status[code]} with an ErrorInfo that says ${name}`, t => {
    const answer = toStatus(new TunnelError(reason, 'because', {metadata: {tunnel_dst: 'a → b'}}));
    t.is(answer.code, code);
    t.is(answer.details, 'because');
    const details = detailsOf(answer.metadata);
    t.is(details.code, code);
    t.is(details.message, 'because');
    t.deepEqual(details.errorInfo, {reason: name, domain: 'doublezero.tunnel', metadata: {tunnel_dst: 'a → b'}});
  });
}

test('a refusal by the kernel that nobody translated still names operation and errno', t => {
  const answer = toStatus(new NetlinkError('routeGet', 'other', 'EINVAL'));
  t.is(answer.code, status.INTERNAL);
  t.deepEqual(detailsOf(answer.metadata).errorInfo, {
    reason: 'NETLINK_ERROR',
    domain: 'doublezero.tunnel',
    metadata: {operation: 'routeGet', errno: 'EINVAL'},
  });
});

test('an incomplete removal carries the report of its steps', t => {
  const report = [
    {step: 'tunnel_down', ok: false, error: 'tunnelDown: EBUSY', note: '', duration: 1500.25},
    {step: 'tunnel_delete', ok: true, error: '', note: '', duration: 0},
  ];
  const answer = toStatus(new TunnelError('netlink-error', 'left behind', {report}));
  const bytes = detailsOf(answer.metadata).of('doublezero.tunnel.v1.RemoveTunnelResponse');
  t.deepEqual(bytes && RemoveTunnelResponse.decode(bytes).steps, [
    {step: 'tunnel_down', ok: false, error: 'tunnelDown: EBUSY', duration: {seconds: 1n, nanos: 500_250_000}},
    {step: 'tunnel_delete', ok: true, error: '', duration: {seconds: 0n, nanos: 0}},
  ]);
});

test('a wrong request carries every wrong field', t => {
  const violations = [
    {field: 'spec.tunnel_dst', description: 'is required'},
    {field: 'spec.mcast_pub_groups[1]', description: '10.0.0.1 is no multicast address'},
  ];
  const answer = toStatus(new InvalidArgument(violations));
  t.is(answer.code, status.INVALID_ARGUMENT);
  t.deepEqual(detailsOf(answer.metadata).violations, violations);
});

test('wrong fields without number or end still make an answer that clients take, and say how many they are', t => {
  const violations = Array.from({length: 20_000}, (_, index) => ({
    field: `spec.mcast_pub_groups[${index}]`,
    description: index === 0 ? 'ü'.repeat(100_000) : 'is not an IPv4 address',
  }));
  const answer = toStatus(new InvalidArgument(violations));
  const headers = answer.metadata.toHttp2Headers();
  const size = encodeURI(answer.details).length + String(headers['grpc-status-details-bin']).length;
  t.true(size < 8 * 1024, `${size} bytes`);
  const found = detailsOf(answer.metadata).violations ?? [];
  t.true(found.length > 50);
  t.is(found.at(-1)?.description, `is not an IPv4 address (and ${20_000 - found.length} more fields)`);
});

test('a call that was given up before its turn answers DEADLINE_EXCEEDED', t => {
  t.is(toStatus(new NotStarted()).code, status.DEADLINE_EXCEEDED);
});

test('an error of this layer keeps its code', t => {
  const answer = toStatus(new RpcError(status.UNIMPLEMENTED, 'not yet'));
  t.is(answer.code, status.UNIMPLEMENTED);
  t.is(answer.details, 'not yet');
});

for (const unknown of [new TypeError('secret'), 'secret', undefined, {code: 5, message: 'secret'}]) {
  test(`an unknown ${typeof unknown} (${String(unknown)}) says nothing of itself to the caller`, t => {
    const {code, details, metadata} = toStatus(unknown);
    t.deepEqual({code, details}, {code: status.INTERNAL, details: 'internal error'});
    t.deepEqual(metadata.getMap(), {});
  });
}
