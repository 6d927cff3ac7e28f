import {once} from 'node:events';
import {localCallers} from './access/local-callers.js';
import {logPrivileges} from './access/privilege-log.js';
import type {BgpSpeaker} from './bgp/bgp-speaker.js';
import {RecordingBgpSpeaker} from './bgp/recording-speaker.js';
import {Speaker} from './bgp/speaker.js';
import type {NetlinkBackend, Options} from './config/options.js';
import {readRouteConfig} from './config/route-config.js';
import {Hangups} from './hangups.js';
import {LazyMulticastSpeaker} from './multicast/lazy-speaker.js';
import type {MulticastSpeaker} from './multicast/multicast-speaker.js';
import {KernelNetlinker} from './netlink/kernel.js';
import {MemoryNetlinker} from './netlink/memory.js';
import type {Capabilities, Netlinker} from './netlink/netlinker.js';
import {openAccess} from './open-access.js';
import {logGrpcThrough} from './rpc/grpc-log.js';
import {checkTlsIsUsed, parseListenAddress} from './rpc/listen-address.js';
import {tunnelRpcs} from './rpc/tunnel-rpcs.js';
import {TunnelServer} from './rpc/tunnel-server.js';
import type {Logger} from './telemetry/logger.js';
import {Metrics} from './telemetry/metrics.js';
import {MetricsServer} from './telemetry/metrics-server.js';
import {greUnsupported, missingCapability} from './tunnels/failure.js';
import {FileJournal, type Journal, noJournal} from './tunnels/journal.js';
import {StateLock} from './tunnels/state-lock.js';
import {TunnelManager} from './tunnels/tunnel-manager.js';
import {version} from './version.js';

/** The daemon cannot work on this host as it is; the text says what is missing and how to get it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * Wires everything together, serves until `stop` is aborted, and ends in order: no new work, running work finished,
 * tunnels torn down or kept, listeners closed.
 *
 * @throws {StartError} where the host lacks something the daemon needs
 * @throws {ListenError} where a listener cannot be had
 * @throws {TlsError} where the files of TLS cannot be used
 * @throws {PolicyError} where the policy cannot be used
 * @throws {AuditError} where the audit log cannot be used
 * @throws {RouteConfigError} where the route configuration cannot be used
 * @throws {JournalError} where the state directory cannot be used
 */
export async function runDaemon(
  options: Options,
  log: Logger,
  stop: AbortSignal,
  open: (backend: NetlinkBackend) => Promise<Netlinker> = openNetlinker,
): Promise<void> {
  const startTime = new Date();
  const hangups = new Hangups();
  logGrpcThrough(log);
  const addresses = [
    parseListenAddress(`unix:${options.socket}`, '--socket'),
    ...options.listen.map(address => parseListenAddress(address, '--listen')),
  ];
  checkTlsIsUsed(addresses, options);
  logPrivileges(log);
  const metrics = new Metrics();
  using access = await openAccess(options, log, metrics);
  using _reloading = hangups.listen(() => access.reload());
  const {exclude} = options.routeConfig === undefined ? {exclude: []} : readRouteConfig(options.routeConfig);
  await using netlinker = await open(options.netlink);
  const capabilities = await netlinker.capabilities();
  requireAll(capabilities);
  // Held until all that may write is gone.
  await using _lock = options.netlink === 'memory' ? undefined : await StateLock.take(options.stateDir);
  // A model of the kernel has no peers to call.
  await using bgp: BgpSpeaker =
    options.netlink === 'kernel' ? new Speaker({netlinker, log, exclude}) : new RecordingBgpSpeaker();
  await using multicast = new LazyMulticastSpeaker(() => loadMulticastSpeaker(options.netlink, netlinker, log));
  const journal = await openJournal(options, log);
  await using manager = new TunnelManager({
    netlinker,
    bgp,
    multicast,
    journal,
    log,
    repair: options.repair,
    teardown: options.teardown,
  });
  const daemonInfo = () => ({
    version,
    startTime,
    network: options.network,
    netlinkBackend: options.netlink,
    greSupported: capabilities.gre,
    socketAbortSupported: capabilities.socketAbort,
    listeners: server.addresses,
  });
  await using server = await TunnelServer.listen({
    ...access,
    addresses,
    localCaller: localCallers(log),
    rpcs: tunnelRpcs({manager, bgp, multicast, daemonInfo}),
    limits: options.limits,
    metrics,
    log,
  });
  await using _metricsServer =
    options.metrics === undefined ? undefined : await MetricsServer.listen(options.metrics, metrics.registry);
  // Begun before any call is answered: ListTunnels has all the tunnels from the first one on, and what callers want is done
  // to what was there.
  const restored = manager.restore();
  server.serve();
  log.info('daemon.ready', {version, netlink: options.netlink, listeners: server.addresses, pid: process.pid});

  await restored;
  if (!stop.aborted) await once(stop, 'abort');
  log.info('daemon.draining', {reason: String(stop.reason), on_exit: options.onExit});
  server.stopServing();
  await manager.drain({teardown: options.onExit === 'teardown'});
}

const openNetlinker = (backend: NetlinkBackend): Promise<Netlinker> =>
  backend === 'kernel' ? KernelNetlinker.open() : Promise.resolve(new MemoryNetlinker());

async function loadMulticastSpeaker(
  backend: NetlinkBackend,
  netlinker: Netlinker,
  log: Logger,
): Promise<MulticastSpeaker> {
  const {openKernelSpeaker, openMemorySpeaker} = await import('./multicast/open-speaker.js');
  return backend === 'kernel' ? openKernelSpeaker(netlinker, log) : openMemorySpeaker(netlinker, log);
}

/** A model of the kernel is gone with the process, and what was wanted of it with it. */
function openJournal({netlink, stateDir}: Options, log: Logger): Promise<Journal> {
  if (netlink === 'memory') return Promise.resolve(noJournal);
  return FileJournal.open(stateDir, (setAside, reason) => {
    log.error('journal.corrupt', {set_aside: setAside, reason, consequence: 'the kernel is left as it is'});
  });
}

function requireAll({netAdmin, gre}: Capabilities): void {
  const hint = 'To try the API without it: --netlink=memory';
  if (!netAdmin) throw new StartError(`${missingCapability}. ${hint}`);
  if (!gre) throw new StartError(`${greUnsupported}. ${hint}`);
}
