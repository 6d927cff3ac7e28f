import {
  formatPrefix,
  hasHostBits,
  type Ipv4,
  type Ipv4Prefix,
  isLocalMulticast,
  isLoopback,
  isMulticast,
  isReserved,
  isThisNetwork,
  networkOf,
  parseIpv4,
  parsePrefix,
} from '../ip/ipv4.js';
import type {Violation} from './errors.js';

const quote = (text: string): string => JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);

/** What keeps an address from being a host's; `undefined` for a good one. */
function unicastFault(address: Ipv4): string | undefined {
  if (isThisNetwork(address)) return 'is in 0.0.0.0/8, which names no host';
  if (isLoopback(address)) return 'is a loopback address';
  if (isMulticast(address)) return 'is a multicast address, and a unicast one is needed';
  if (isReserved(address)) return 'is in the reserved range 240.0.0.0/4';
  return undefined;
}

/** Joins for so many fit into a socket's send buffer at once (57 messages at an MTU of 1476), so none is lost on the host. */
const mostGroups = 4096;
/** Two rules each, and every packet of the host passes them one by one. */
const mostNetworks = 1024;

/** Reserved AS numbers: AS_TRANS (RFC 6793 §9) and the last of either width (RFC 7300). */
const reservedAsns = new Set([23456, 65535, 4294967295]);

/** Reads a request's fields and collects everything that is wrong with them. */
export class FieldParser {
  readonly violations: Violation[] = [];

  /** Notes a violation. Returns `undefined`, so that a faulty field can be returned in one line. */
  fault(field: string, description: string): undefined {
    this.violations.push({field, description});
    return undefined;
  }

  address(field: string, text: string): Ipv4 | undefined {
    if (text === '') return this.fault(field, 'is required');
    const address = parseIpv4(text);
    if (address !== undefined) return address;
    const hint = text.includes(':') ? ' (IPv6 is not supported)' : '';
    return this.fault(field, `${quote(text)} is not a dotted IPv4 address${hint}`);
  }

  unicast(field: string, text: string): Ipv4 | undefined {
    const address = this.address(field, text);
    const fault = address === undefined ? undefined : unicastFault(address);
    return fault === undefined ? address : this.fault(field, `${text} ${fault}`);
  }

  /** `undefined` for an empty text, and for a faulty one, which is noted. */
  optionalUnicast(field: string, text: string): Ipv4 | undefined {
    return text === '' ? undefined : this.unicast(field, text);
  }

  /** Reads CIDR text; the host bits may be set. */
  prefix(field: string, text: string): Ipv4Prefix | undefined {
    if (text === '') return this.fault(field, 'is required');
    const prefix = parsePrefix(text);
    if (prefix) return prefix;
    const hint = text.includes(':') ? ' (IPv6 is not supported)' : '';
    return this.fault(field, `${quote(text)} is not an IPv4 network in CIDR form, such as 203.0.113.0/24${hint}`);
  }

  /** A /31 of which either address may be written; its even address is returned. */
  overlay(field: string, text: string): Ipv4Prefix | undefined {
    const prefix = this.prefix(field, text);
    if (!prefix) return undefined;
    if (prefix.length !== 31) return this.fault(field, `${text} is a /${prefix.length}, and a /31 is needed`);
    const fault = unicastFault(prefix.address);
    return fault === undefined ? networkOf(prefix) : this.fault(field, `${text} ${fault}`);
  }

  /** Networks without host bits, none twice. */
  networks(field: string, texts: readonly string[]): Ipv4Prefix[] {
    if (texts.length > mostNetworks) {
      this.fault(field, `has ${texts.length} networks; at most ${mostNetworks} are possible`);
      return [];
    }
    return this.distinct(field, texts, formatPrefix, (item, text) => {
      const prefix = this.prefix(item, text);
      if (!prefix) return undefined;
      if (hasHostBits(prefix)) {
        return this.fault(item, `${text} has host bits set; the network is ${formatPrefix(networkOf(prefix))}`);
      }
      const fault = prefix.length === 0 ? 'is the whole Internet' : unicastFault(prefix.address);
      return fault === undefined ? prefix : this.fault(item, `${text} ${fault}`);
    });
  }

  groups(field: string, texts: readonly string[]): Ipv4[] {
    if (texts.length > mostGroups) {
      this.fault(field, `has ${texts.length} groups; at most ${mostGroups} are possible`);
      return [];
    }
    return this.distinct(field, texts, String, (item, text) => {
      const group = this.address(item, text);
      if (group === undefined) return undefined;
      if (!isMulticast(group)) return this.fault(item, `${text} is not a multicast address (224.0.0.0/4)`);
      if (isLocalMulticast(group)) return this.fault(item, `${text} is in 224.0.0.0/24, which no router forwards`);
      return group;
    });
  }

  asn(field: string, value: number, fallback: number): number | undefined {
    if (value === 0) return fallback;
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      return this.fault(field, `${value} is not an AS number (1 to 4294967294)`);
    }
    return reservedAsns.has(value) ? this.fault(field, `${value} is a reserved AS number`) : value;
  }

  private distinct<T>(
    field: string,
    texts: readonly string[],
    key: (value: T) => string,
    parse: (field: string, text: string) => T | undefined,
  ): T[] {
    const first = new Map<string, number>();
    return texts.flatMap((text, index) => {
      const value = parse(`${field}[${index}]`, text);
      if (value === undefined) return [];
      const earlier = first.get(key(value));
      if (earlier !== undefined) {
        this.fault(`${field}[${index}]`, `${text} is already there as ${field}[${earlier}]`);
        return [];
      }
      first.set(key(value), index);
      return [value];
    });
  }
}
