import {formatIpv4, formatPrefix, type Ipv4Prefix} from '../ip/ipv4.js';
import type {GreTunnel, InterfaceAddress, Netlinker, Operation, Route, Rule} from './netlinker.js';
import {refusal} from './refusal.js';

/** A `Netlinker` that writes down what is asked of it, and refuses what it is told to. */
export interface Recording {
  readonly netlinker: Netlinker;
  /**
   * The changes asked for, in order, refused ones included, such as `tunnelDown doublezero0`; of a route operation one
   * line for each route.
   */
  readonly calls: string[];
  /**
   * Makes the nth call of the operation from now on (1 is the next) fail, once. The underlying netlinker does not hear
   * of it. A route operation fails for each of its routes, as the kernel would have it.
   */
  fail(operation: Operation, nth?: number, errno?: string): void;
}

type Method<O extends Operation> = (...args: Parameters<Netlinker[O]>) => ReturnType<Netlinker[O]>;

const tunnelText = ({name, local, remote}: GreTunnel) => `${name} ${formatIpv4(local)} ${formatIpv4(remote)}`;
const addressText = (address: InterfaceAddress) => `${formatPrefix(address)} scope ${address.scope}`;
const selector = (prefix: Ipv4Prefix | undefined) => (prefix === undefined ? 'all' : formatPrefix(prefix));
const ruleText = ({priority, source, destination, action, table}: Rule) =>
  `${priority} from ${selector(source)} to ${selector(destination)} ${action ?? `lookup ${table}`}`;

function routeText({destination, gateway, interface: device, table, protocol, source}: Route): string {
  const via = gateway === undefined ? '' : ` via ${formatIpv4(gateway)}`;
  const src = source === undefined ? '' : ` src ${formatIpv4(source)}`;
  return `${formatPrefix(destination)}${via} dev ${device} table ${table} proto ${protocol}${src}`;
}

/** Wraps a netlinker for tests of order and of what happens when something fails. */
export function recording(inner: Netlinker): Recording {
  const calls: string[] = [];
  const faults: {operation: Operation; countdown: number; errno: string}[] = [];

  /** The errno of the fault that is due, if any. */
  function dueFault(operation: Operation): string | undefined {
    for (const fault of faults) if (fault.operation === operation) fault.countdown -= 1;
    const due = faults.findIndex(fault => fault.operation === operation && fault.countdown === 0);
    return due < 0 ? undefined : faults.splice(due, 1)[0]?.errno;
  }

  /** One operation, noted as the texts that its arguments give: none for one that only reads. */
  function watch<O extends Operation>(operation: O, texts: (...args: Parameters<Netlinker[O]>) => string[]): Method<O> {
    const target = inner[operation].bind(inner) as Method<O>;
    const watched = async (...args: Parameters<Netlinker[O]>) => {
      calls.push(...texts(...args).map(text => `${operation} ${text}`));
      const errno = dueFault(operation);
      if (errno === undefined) return target(...args);
      const error = refusal(operation, errno);
      const [routes] = args;
      if (operation.startsWith('routes') && Array.isArray(routes)) return routes.map(route => ({route, error}));
      throw error;
    };
    return watched as Method<O>;
  }

  const silent = () => [];
  const named = (name: string) => [name];
  const netlinker: Netlinker = {
    capabilities: watch('capabilities', silent),
    link: watch('link', silent),
    tunnelAdd: watch('tunnelAdd', tunnel => [tunnelText(tunnel)]),
    tunnelSetMtu: watch('tunnelSetMtu', (name, mtu) => [`${name} ${mtu}`]),
    tunnelUp: watch('tunnelUp', named),
    tunnelDown: watch('tunnelDown', named),
    tunnelDelete: watch('tunnelDelete', named),
    addresses: watch('addresses', silent),
    addressAdd: watch('addressAdd', (name, address) => [`${name} ${addressText(address)}`]),
    addressDelete: watch('addressDelete', (name, address) => [`${name} ${addressText(address)}`]),
    addressOwners: watch('addressOwners', silent),
    rules: watch('rules', silent),
    ruleAdd: watch('ruleAdd', rule => [ruleText(rule)]),
    ruleDelete: watch('ruleDelete', rule => [ruleText(rule)]),
    routes: watch('routes', silent),
    routesReplace: watch('routesReplace', routes => routes.map(routeText)),
    routesDelete: watch('routesDelete', routes => routes.map(routeText)),
    routeGet: watch('routeGet', silent),
    sockets: watch('sockets', silent),
    socketsAbort: watch('socketsAbort', addresses => [addresses.map(formatIpv4).join(' ')]),
    socketHolders: watch('socketHolders', silent),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };

  return {
    netlinker,
    calls,
    fail(operation, nth = 1, errno = 'EIO') {
      faults.push({operation, countdown: nth, errno});
    },
  };
}
