import {type Ipv4Prefix, samePrefix} from '../ip/ipv4.js';
import type {Rule} from './netlinker.js';

/** The selector, if it is one: a prefix of no length selects everything, as an absent one does. */
export const selecting = (prefix: Ipv4Prefix | undefined): Ipv4Prefix | undefined =>
  prefix?.length ? prefix : undefined;

function sameSelector(a: Ipv4Prefix | undefined, b: Ipv4Prefix | undefined): boolean {
  const [one, other] = [selecting(a), selecting(b)];
  return one === undefined || other === undefined ? one === other : samePrefix(one, other);
}

export const ruleEquals = (a: Rule, b: Rule): boolean =>
  a.priority === b.priority &&
  a.action === b.action &&
  a.table === b.table &&
  a.protocol === b.protocol &&
  sameSelector(a.source, b.source) &&
  sameSelector(a.destination, b.destination);
