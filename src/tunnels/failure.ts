import {SocketError} from '../multicast/sockets.js';
import {NetlinkError} from '../netlink/netlinker.js';
import {IncompleteUndo, messageOf} from '../services/step.js';
import {InterfaceConflict} from '../services/tunnel-steps.js';
import {TunnelError, type TunnelErrorOptions} from './errors.js';
import {JournalError} from './journal.js';

export const greUnsupported =
  'this kernel cannot make GRE interfaces: load the module (modprobe ip_gre) or use a kernel with CONFIG_NET_IPGRE';
export const missingCapability =
  'the daemon may not change the network: it needs CAP_NET_ADMIN (root, or AmbientCapabilities=CAP_NET_ADMIN in its unit)';
const missingRawCapability =
  'the daemon may not open raw sockets, which multicast needs: it needs CAP_NET_RAW ' +
  '(root, or CAP_NET_RAW among the AmbientCapabilities of its unit)';

/** Turns what a step failed with into the domain's error; what is no refusal by the kernel comes back as it is. */
export function toTunnelError(error: unknown, options: TunnelErrorOptions = {}): unknown {
  const message = messageOf(error);
  if (error instanceof IncompleteUndo) return restated(toTunnelError(error.cause, options), message, error);
  if (error instanceof AggregateError) return restated(toTunnelError(error.errors[0], options), message, error);
  if (error instanceof InterfaceConflict) {
    const metadata = {interface: error.interfaceName, found: error.found};
    return new TunnelError('interface-conflict', message, {...options, metadata, cause: error});
  }
  if (error instanceof JournalError) return new TunnelError('state-not-durable', message, {...options, cause: error});
  if (error instanceof SocketError) return ofSocket(error, options);
  if (!(error instanceof NetlinkError)) return error;
  const {operation, errno, kind} = error;
  const details = {...options, metadata: {operation, errno}, cause: error};
  if (kind === 'unsupported' && operation === 'tunnelAdd') {
    return new TunnelError('gre-unsupported', greUnsupported, details);
  }
  if (kind === 'not-permitted') return new TunnelError('missing-capability', missingCapability, details);
  return new TunnelError('netlink-error', `the kernel refused ${operation}: ${errno}${hint(error)}`, details);
}

function ofSocket(error: SocketError, options: TunnelErrorOptions): TunnelError {
  const {operation, errno, kind, message} = error;
  const details = {...options, metadata: {operation, errno}, cause: error};
  if (kind === 'unsupported') return new TunnelError('multicast-unsupported', message, {...options, cause: error});
  if (kind === 'not-permitted') return new TunnelError('missing-capability', missingRawCapability, details);
  return new TunnelError('netlink-error', `the kernel refused ${operation} for multicast: ${errno}`, details);
}

/** The same error in the words of the wider one around it. */
function restated(error: unknown, message: string, cause: Error): unknown {
  if (!(error instanceof TunnelError)) return cause;
  const {reason, metadata, report} = error;
  return new TunnelError(reason, message, {metadata, cause, ...(report && {report})});
}

const hint = ({operation, kind}: NetlinkError): string =>
  operation === 'tunnelAdd' && kind === 'exists'
    ? ' (another interface of this host has the same local and remote address)'
    : '';
