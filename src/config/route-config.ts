import {readFileSync} from 'node:fs';
import {type Node, type ParseError, parseTree, printParseErrorCode} from 'jsonc-parser';
import {hasHostBits, hostPrefix, type Ipv4Prefix, parseIpv4, parsePrefix} from '../ip/ipv4.js';

/** The route configuration cannot be used; the text names file, line and reason. */
export class RouteConfigError extends Error {
  override readonly name = 'RouteConfigError';
}

/** What `--route-config` says. */
export interface RouteConfig {
  /** Destinations that are never installed or deleted, together with all that lies within a network. */
  readonly exclude: readonly Ipv4Prefix[];
}

/** Reads a file such as `{"exclude": ["203.0.113.7", "198.51.100.0/24"]}`. Throws `RouteConfigError`. */
export function readRouteConfig(path: string): RouteConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RouteConfigError(`--route-config ${path}: ${reason}`, {cause: error});
  }
  return parseRouteConfig(text, path);
}

export function parseRouteConfig(text: string, path: string): RouteConfig {
  const fail = (offset: number, reason: string): never => {
    const line = text.slice(0, offset).split('\n').length;
    throw new RouteConfigError(`--route-config ${path}, line ${line}: ${reason}`);
  };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, {disallowComments: true});
  const [error] = errors;
  if (error) fail(error.offset, `not JSON: ${words(printParseErrorCode(error.error))}`);
  if (root?.type !== 'object') return fail(root?.offset ?? 0, 'must be an object such as {"exclude": ["203.0.113.7"]}');

  let exclude: Ipv4Prefix[] | undefined;
  for (const {offset, children: [name, value] = []} of root.children ?? []) {
    if (name?.value !== 'exclude')
      fail(offset, `unknown setting ${JSON.stringify(name?.value)}; there is only "exclude"`);
    if (value?.type !== 'array') fail(value?.offset ?? offset, '"exclude" must be a list of addresses and networks');
    // JSON would let the last one win, and what the others list would be installed.
    if (exclude !== undefined) fail(offset, '"exclude" is there twice');
    exclude = (value?.children ?? []).map(entry => destination(entry, fail));
  }
  return {exclude: exclude ?? []};
}

function destination({value, offset}: Node, fail: (offset: number, reason: string) => never): Ipv4Prefix {
  const address = typeof value === 'string' ? parseIpv4(value) : undefined;
  const prefix = address === undefined && typeof value === 'string' ? parsePrefix(value) : undefined;
  if (address !== undefined) return hostPrefix(address);
  // Lists and objects are nodes without a value.
  const entry = value === undefined ? 'an entry' : JSON.stringify(value);
  if (!prefix) return fail(offset, `${entry} is neither an IPv4 address nor a network in CIDR form`);
  return hasHostBits(prefix) ? fail(offset, `${value} has host bits set`) : prefix;
}

/** `PropertyNameExpected` → `property name expected`. */
const words = (code: string): string => code.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter}`).toLowerCase();
