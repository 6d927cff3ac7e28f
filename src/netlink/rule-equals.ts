import {type Ipv4Prefix, samePrefix} from '../ip/ipv4.js';
import type {Rule} from './netlinker.js';

/** A selector of no length selects everything, as an absent one does. */
const isOpen = (prefix: Ipv4Prefix | undefined): prefix is undefined => (prefix?.length ?? 0) === 0;

const sameSelector = (a: Ipv4Prefix | undefined, b: Ipv4Prefix | undefined): boolean =>
  isOpen(a) || isOpen(b) ? isOpen(a) && isOpen(b) : samePrefix(a, b);

export const ruleEquals = (a: Rule, b: Rule): boolean =>
  a.priority === b.priority &&
  a.table === b.table &&
  a.protocol === b.protocol &&
  sameSelector(a.source, b.source) &&
  sameSelector(a.destination, b.destination);
