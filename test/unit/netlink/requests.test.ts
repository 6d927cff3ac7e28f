import test from 'ava';
import {ChannelError} from '../../../src/netlink/kernel/channel.js';
import type {Outcome, Visit} from '../../../src/netlink/kernel/exchange.js';
import {Requests} from '../../../src/netlink/kernel/requests.js';
import {NetlinkError} from '../../../src/netlink/netlinker.js';

const done: Outcome = {refused: [], interrupted: false};
const question = new Uint8Array(16);

/** Requests over a kernel that answers as told, one byte of data at a time. */
function over(...script: {outcome?: Partial<Outcome>; data?: number[]; error?: unknown}[]) {
  let sent = 0;
  const conversation = {
    batchLimit: 256,
    async send(_messages: Uint8Array, visit?: Visit): Promise<Outcome> {
      const {outcome, data = [], error} = script[sent++] ?? {};
      if (error !== undefined) throw error;
      for (const byte of data) visit?.(new DataView(Uint8Array.of(byte).buffer), 0, 1);
      return {...done, ...outcome};
    },
    [Symbol.dispose]() {},
  };
  return {requests: new Requests(conversation, conversation), sent: () => sent};
}

const firstByte = (datagram: Buffer) => datagram[0];
const even = (datagram: Buffer) => (datagram.readUInt8() % 2 === 0 ? datagram[0] : undefined);

test('a dump that was interrupted begins anew, without what it had', async t => {
  const {requests, sent} = over({data: [1, 2], outcome: {interrupted: true}}, {data: [3]});
  t.deepEqual(await requests.list('routes', question, firstByte), [3]);
  t.is(sent(), 2);
});

test('a dump that is interrupted each time fails in the end', async t => {
  const {requests} = over(...Array.from({length: 100}, () => ({outcome: {interrupted: true}})));
  const error = await t.throwsAsync(requests.list('rules', question, firstByte), {instanceOf: NetlinkError});
  t.like(error, {operation: 'rules', kind: 'other', errno: 'EINTR'});
});

test('what the reader leaves out is not in the list', async t => {
  const {requests} = over({data: [1, 2, 3, 4]});
  t.deepEqual(await requests.list('rules', question, even), [2, 4]);
});

test('a refusal carries the operation and the name of the errno', async t => {
  const {requests} = over({outcome: {refused: [{index: 0, errno: 17}]}});
  const error = await t.throwsAsync(requests.change('ruleAdd', question), {instanceOf: NetlinkError});
  t.like(error, {operation: 'ruleAdd', kind: 'exists', errno: 'EEXIST', message: 'ruleAdd: EEXIST'});
});

test('an exchange that fails as a whole fails in the name of the operation, with its cause', async t => {
  const cause = new ChannelError('ETIMEDOUT');
  const {requests} = over({error: cause});
  const error = await t.throwsAsync(requests.change('tunnelUp', question), {instanceOf: NetlinkError});
  t.like(error, {operation: 'tunnelUp', kind: 'other', errno: 'ETIMEDOUT', cause});
});

test('a question that is only acknowledged is an error', async t => {
  const {requests} = over({});
  await t.throwsAsync(requests.ask('link', question, firstByte), {message: 'link: EBADMSG'});
});
