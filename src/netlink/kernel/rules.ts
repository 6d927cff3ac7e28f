import {AttrStream, parseAttributes, rt} from 'netlink';
import {type Ipv4Prefix, ipv4} from '../../ip/ipv4.js';
import type {Rule} from '../netlinker.js';
import {selecting} from '../rule-selectors.js';
import {addressBytes} from './addresses.js';
import {familyInet, flag, headerLength, message, messageType} from './wire.js';

/** FRA_* that say nothing which a `Rule` cannot: dst, src, priority, suppress_prefixlen, table, pad, protocol. */
const plainAttributes = new Set([1, 2, 6, 14, 15, 18, 21]);

/** Bytes of struct fib_rule_hdr. */
const ruleHeaderLength = 12;

/** RT_TABLE_UNSPEC: what `ip rule` gives a rule that looks nothing up, so that the kernel sees equals in both. */
const noTable = 0;

function ruleMessage(type: number, flags: number, rule: Rule): Uint8Array {
  const source = selecting(rule.source);
  const destination = selecting(rule.destination);
  const table = rule.table ?? noTable;
  const out = new AttrStream();
  rt.formatRuleMessage(
    {
      kind: 'rule',
      data: {
        family: familyInet,
        srcLen: source?.length ?? 0,
        dstLen: destination?.length ?? 0,
        table: table < 256 ? table : 0,
        action: rule.action ?? 'toTbl',
      },
      attrs: {
        ...(source && {src: addressBytes(source.address)}),
        ...(destination && {dst: addressBytes(destination.address)}),
        priority: rule.priority,
        table,
        protocol: rule.protocol,
      },
    },
    out,
  );
  return message(type, flags, out.bufs);
}

export const addRule = (rule: Rule): Uint8Array => ruleMessage(messageType.ruleNew, flag.create | flag.exclusive, rule);

export const deleteRule = (rule: Rule): Uint8Array => ruleMessage(messageType.ruleDelete, 0, rule);

export function dumpRules(): Uint8Array {
  const out = new AttrStream();
  rt.formatRuleMessage({kind: 'rule', data: {family: familyInet}, attrs: {}}, out);
  return message(messageType.ruleGet, flag.dump, out.bufs);
}

/** An RTM_NEWRULE message, from its header on. `undefined` for a rule that does or asks more than a `Rule` can say. */
export function decodeRule(datagram: Buffer): Rule | undefined {
  const payload = datagram.subarray(headerLength);
  if (!isPlain(payload.subarray(ruleHeaderLength))) return undefined;
  const {data, attrs} = rt.parseRuleMessage(payload);
  if (data.tos || data.flags?.invert) return undefined;
  const selectors = {
    priority: attrs.priority ?? 0,
    source: prefixOf(attrs.src, data.srcLen),
    destination: prefixOf(attrs.dst, data.dstLen),
    protocol: attrs.protocol ?? 0,
  };
  const table = attrs.table ?? data.table ?? 0;
  if (data.action === 'toTbl') return {...selectors, table};
  return data.action === 'unreachable' && table === noTable ? {...selectors, action: data.action} : undefined;
}

const prefixOf = (bytes: Buffer | undefined, length = 0): Ipv4Prefix | undefined =>
  bytes && {address: ipv4(bytes.readUInt32BE()), length};

function isPlain(attributes: Buffer): boolean {
  let plain = true;
  parseAttributes(attributes, ({type, data}) => {
    // -1, the kernel's way of saying that nothing is suppressed
    const suppresses = type === 14 && data.some(byte => byte !== 0xff);
    if (!plainAttributes.has(type) || suppresses) plain = false;
  });
  return plain;
}
