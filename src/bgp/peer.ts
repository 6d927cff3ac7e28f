import {keyPrefix, type PrefixKey, prefixKey} from '../ip/prefix-key.js';
import type {PrefixSet} from '../ip/prefix-set.js';
import {type Netlinker, type Route, routeProtocol} from '../netlink/netlinker.js';
import type {Logger} from '../telemetry/logger.js';
import {AdjRibIn} from './adj-rib-in.js';
import type {BgpPeer, BgpSessionStatus, LearnedRoute, RoutePage} from './bgp-speaker.js';
import {BgpError, ceaseSubcode, errorCode} from './codec/bgp-error.js';
import {cease} from './codec/notification.js';
import type {PathAttributes} from './codec/path-attributes.js';
import {prefixList} from './codec/prefix-list.js';
import type {DecodedUpdate} from './codec/update-decode.js';
import {encodeAnnouncements, encodeEndOfRib} from './codec/update-encode.js';
import {gracefulRestartOffer, restartTime} from './graceful-restart.js';
import {PeerLog} from './peer-log.js';
import {type InstallSummary, RouteInstaller} from './route-installer.js';
import {Session, type SessionRoutes} from './session.js';
import {defaultHoldTime, type OpenConfig, type SessionParameters} from './session-parameters.js';
import {SessionStatus} from './session-status.js';
import {StaleRoutes} from './stale-routes.js';

/** What all peers share. */
export interface PeerContext {
  readonly netlinker: Netlinker;
  /** Destinations that are never installed or deleted. */
  readonly excluded: PrefixSet;
  /** TCP port of the peers. */
  readonly port: number;
  /** Prefixes a peer may advertise. */
  readonly prefixLimit: number;
  /** Milliseconds, as for `SessionStatus`. */
  readonly establishmentTime?: number | undefined;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** Milliseconds that routes of a former run wait for a session, and then for the peer's end-of-RIB. */
const staleTime = restartTime * 1000;

/** ASes in a path, where there are as many prefixes as there may be: three times what it is in the Internet. */
const averagePath = 16;

/** One peer: its session, what it advertises, and what of that is in the kernel. */
export class Peer implements SessionRoutes {
  readonly #config: BgpPeer;
  readonly #context: PeerContext;
  readonly #status: SessionStatus;
  readonly #session: Session;
  readonly #rib: AdjRibIn;
  readonly #installer: RouteInstaller;
  readonly #stale = new StaleRoutes(keys => this.#uninstall(keys));
  /** A run before this one advertised the same, and was reachable ever since. */
  #resumed: boolean;
  /** Whether a session has stood since this peer was added. */
  #hasStood = false;
  readonly #log: PeerLog;
  readonly #advertised: ReadonlySet<PrefixKey>;
  #badNextHop = 0;
  /** Why the kernel last refused a route. */
  #errno = '';
  /** Until what a former run left is known. */
  #adopted: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(config: BgpPeer, context: PeerContext) {
    this.#config = config;
    this.#context = context;
    this.#resumed = config.resumed;
    this.#advertised = new Set(config.nlri.map(({address, length}) => prefixKey(address, length)));
    this.#log = new PeerLog(context.log, config.tunnel);
    const {localAddress, peerAddress} = config;
    this.#status = new SessionStatus(context.onChange, context.establishmentTime);
    this.#rib = new AdjRibIn(peerAddress);
    this.#installer = new RouteInstaller({
      netlinker: context.netlinker,
      template: this.#template(),
      onSettled: summary => this.#settled(summary),
      onFault: error => this.#log.fault(error),
    });
    this.#session = new Session({
      connection: {localAddress, peerAddress, port: context.port},
      open: () => this.#open(),
      status: this.#status,
      routes: this,
    });
  }

  /** Takes over what a former run left in the kernel, and begins to call the peer. */
  async start(): Promise<void> {
    if (!this.#config.noInstall) this.#adopted = this.#adopt();
    await this.#adopted;
    if (!this.#ended) this.#session.start();
  }

  /** Ends the session with a Cease and takes the peer's routes out of the kernel. */
  async stop(): Promise<void> {
    this.#end();
    await this.#session.stop(cease(ceaseSubcode.peerDeconfigured));
    await this.#adopted.catch(() => undefined); // whoever started it is told
    await this.#installer.flush();
    this.#log.end();
  }

  /** Ends without a word and leaves the kernel as it is, for a successor to take over. */
  async abandon(): Promise<void> {
    this.#end();
    await Promise.all([this.#installer.stop(), this.#session.abandon()]);
    this.#log.end();
  }

  status(): BgpSessionStatus {
    const {localAddress, peerAddress, localAsn, peerAsn} = this.#config;
    const {state, lastUpdate, holdTime, establishedTime} = this.#status;
    return {
      state,
      lastUpdate,
      localAddress,
      peerAddress,
      localAsn,
      peerAsn,
      holdTime,
      establishedTime,
      routesReceived: this.#rib.size,
      routesInstalled: this.#installer.installed,
      lastError: [this.#status.lastError, ...this.#complaints()].filter(text => text !== '').join('; '),
    };
  }

  routes({after, limit}: RoutePage): LearnedRoute[] {
    const {peerAddress, routeSource, table} = this.#config;
    return this.#rib.keysAfter(after && prefixKey(after.address, after.length), limit).map(key => ({
      prefix: keyPrefix(key),
      nextHop: peerAddress,
      source: routeSource,
      table,
      installed: this.#installer.has(key),
      asPath: this.#rib.asPath(key).flatMap(({numbers}) => numbers),
    }));
  }

  async missingRoutes(): Promise<number> {
    const present = await this.#present();
    return present ? this.#installer.countAllBut(present) : 0;
  }

  async reinstallMissing(): Promise<number> {
    const present = await this.#present();
    if (!present) return 0;
    const missing = this.#installer.reinstallAllBut(present);
    await this.#installer.settled();
    return missing;
  }

  *advertise({asWidth, external}: SessionParameters): Generator<Uint8Array> {
    const {nlri, localAddress, localAsn} = this.#config;
    const attributes: PathAttributes = {
      origin: 'IGP',
      asPath: external ? [{type: 'AS_SEQUENCE', numbers: [localAsn]}] : [],
      nextHop: localAddress,
      localPref: external ? undefined : 100,
    };
    if (nlri.length > 0) yield* encodeAnnouncements(attributes, prefixList(nlri), asWidth);
    yield encodeEndOfRib();
  }

  /**
   * A path with our own AS in it is learned as well, which RFC 4271 §9.1.2 would not: all hosts of the network share an
   * AS and hear of each other through the device. Nothing is advertised onward, so there is no loop to fear.
   */
  learn(update: DecodedUpdate): void {
    const {announced, withdrawn, badNextHop} = this.#rib.apply(update);
    this.#badNextHop += badNextHop;
    this.#log.update(update, badNextHop);
    this.#checkLimits();
    this.#install(announced);
    this.#uninstall(withdrawn);
    if (update.endOfRib) this.#stale.drop();
  }

  /**
   * Routes of a former run now wait for the end-of-RIB, whatever the peer says of restarts. RFC 4724 §4.1 does not wait
   * for a peer without the capability, but many of those send one. Nor for one that restarted itself (R), lest each wait
   * for the other: we have advertised all we have without waiting. And that it kept no forwarding state means little:
   * FRR says so for two minutes after it started, however long it has had its routes back.
   */
  gained(): void {
    this.#hasStood = true;
    this.#stale.dropAfter(staleTime);
  }

  lost(): void {
    this.#badNextHop = 0;
    this.#uninstall(this.#rib.clear());
    this.#stale.drop();
  }

  /**
   * R says that we restarted, until a session has stood. F says that what we had advertised is still reachable: after a
   * restart that the tunnel outlived (RFC 4724 §4.1), and after the mere loss of a session (RFC 8538 §4). With a fresh
   * tunnel neither is true, and a peer that still has something of a former one drops it.
   */
  #open(): OpenConfig {
    const {localAddress, localAsn, peerAsn} = this.#config;
    return {
      localAs: localAsn,
      peerAs: peerAsn,
      bgpIdentifier: localAddress,
      holdTime: defaultHoldTime,
      gracefulRestart: gracefulRestartOffer({
        restarted: this.#resumed && !this.#hasStood,
        forwardingPreserved: this.#resumed || this.#hasStood,
      }),
    };
  }

  #checkLimits(): void {
    const {prefixLimit} = this.#context;
    if (this.#rib.size > prefixLimit) {
      const {maximumNumberOfPrefixesReached} = ceaseSubcode;
      throw new BgpError(errorCode.cease, maximumNumberOfPrefixesReached, `more than ${prefixLimit} prefixes`);
    }
    const asLimit = prefixLimit * averagePath;
    if (this.#rib.asNumbers > asLimit) {
      throw new BgpError(errorCode.cease, ceaseSubcode.outOfResources, `AS paths of more than ${asLimit} ASes in all`);
    }
  }

  #template(): Omit<Route, 'destination'> {
    const {table, peerAddress, routeSource, tunnel} = this.#config;
    return {table, protocol: routeProtocol.bgp, gateway: peerAddress, source: routeSource, interface: tunnel};
  }

  #install(keys: readonly PrefixKey[]): void {
    if (this.#config.noInstall) return;
    this.#stale.learned(keys);
    this.#installer.add(this.#ours(keys));
  }

  /**
   * With `no_uninstall` only the end of the tunnel takes routes away, those of a former run among them, end-of-RIB or
   * not: what that run kept though it was withdrawn is not learned again, and a restart shall not be what takes it away.
   */
  #uninstall(keys: readonly PrefixKey[]): void {
    if (!this.#config.noInstall && !this.#config.noUninstall) this.#installer.remove(this.#ours(keys));
  }

  /**
   * Those that may be in the kernel. A device such as FRR advertises to us what it has from us, and a route to our own
   * address through the tunnel would be waiting for the day that the address is gone.
   */
  #ours(keys: readonly PrefixKey[]): readonly PrefixKey[] {
    const {excluded} = this.#context;
    if (excluded.isEmpty && this.#advertised.size === 0) return keys;
    return keys.filter(key => !this.#advertised.has(key) && !excluded.covers(key));
  }

  /** What the kernel has of the peer's routes; `undefined` where that cannot be compared with what was installed. */
  async #present(): Promise<ReadonlySet<PrefixKey> | undefined> {
    if (this.#config.noInstall || this.#installer.installed === 0 || !this.#installer.isSettled) return undefined;
    const {source, ...filter} = this.#template();
    const {revision} = this.#installer;
    const found = await this.#context.netlinker.routes(filter);
    // What was changed while the kernel was read cannot be judged by what was read.
    if (revision !== this.#installer.revision) return undefined;
    const ours = found.filter(route => route.source === source);
    return new Set(ours.map(({destination}) => prefixKey(destination.address, destination.length)));
  }

  async #adopt(): Promise<void> {
    const {netlinker, excluded} = this.#context;
    const {source, ...filter} = this.#template();
    const unwanted: Route[] = [];
    for (const route of await netlinker.routes(filter)) {
      const key = prefixKey(route.destination.address, route.destination.length);
      if (excluded.covers(key)) continue;
      // What it advertised must not be kept beside what we do: some devices take a single prefix and no more.
      if (route.source !== source) this.#resumed = false;
      if (route.source !== source || this.#advertised.has(key)) unwanted.push(route);
      else {
        this.#installer.adopt(key);
        this.#stale.add(key);
      }
    }
    // As they are: the installer would ask for routes with the source of now, and find none.
    await netlinker.routesDelete(unwanted);
    if (this.#stale.size === 0 || this.#ended) return;
    this.#log.adopted(this.#stale.size);
    this.#stale.dropAfter(staleTime);
  }

  #end(): void {
    this.#ended = true;
    this.#stale.keep();
    this.#status.stop();
  }

  *#complaints(): Generator<string> {
    const {refused} = this.#installer;
    if (refused > 0) yield `the kernel refuses ${refused} routes (${this.#errno})`;
    if (this.#badNextHop > 0) yield `${this.#badNextHop} routes were not taken: their next hop is not the peer`;
  }

  #settled(summary: InstallSummary): void {
    if (summary.errno !== '') this.#errno = summary.errno;
    this.#log.programmed(summary);
  }
}
