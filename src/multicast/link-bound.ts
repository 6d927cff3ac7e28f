import type {GreTunnel, Link} from '../netlink/netlinker.js';
import {SocketError} from './sockets.js';
import type {Begin, Transmission, TransmissionContext} from './transmission.js';

interface Life<Config> {
  readonly transmission: Transmission<Config>;
  readonly link: Link;
}

/** A socket is of no use any more with an interface that was made anew; one of another MTU needs other messages. */
const isSameLink = (a: Link, b: Link): boolean => a.index === b.index && a.mtu === b.mtu;

/** Whether it leads to the same place in the same way. Where there is no tunnel there is nothing to tell links apart by. */
const isSameTunnel = (a?: GreTunnel, b?: GreTunnel): boolean =>
  a?.local === b?.local && a?.remote === b?.remote && a?.ttl === b?.ttl;

export interface LinkBoundOptions<Config> {
  readonly begin: Begin<Config>;
  readonly context: TransmissionContext;
  /** Whether its transmissions say goodbye. */
  readonly hasFarewell: boolean;
  /** Reads the link as it is now. */
  readonly link: () => Promise<Link | undefined>;
  /** Called with what keeps it from going on with a new life of the link, at each try. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Keeps a sender going while its link is up: a transmission begins with each life of the link and ends with it. All that
 * happens to it happens in order, and none of it takes longer than a fraction of a second.
 */
export class LinkBound<Config> {
  readonly #options: LinkBoundOptions<Config>;
  #config: Config | undefined;
  /** What the link was when the sender was started: another one of its name is somebody else's. */
  #tunnel: GreTunnel | undefined;
  #life: Life<Config> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LinkBoundOptions<Config>) {
    this.#options = options;
  }

  get isActive(): boolean {
    return this.#config !== undefined;
  }

  /** Starts, or goes over to the config. Rejects where it cannot start. */
  apply(config: Config): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#config === undefined) {
        const link = await this.#options.link();
        await this.#start(config, link);
        this.#tunnel = link?.tunnel;
      } else {
        this.#life?.transmission.change(config);
      }
      this.#config = config;
    });
  }

  /** Follows the link: ends where it is down, gone or somebody else's, begins again where it is back. */
  look(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#config === undefined) return;
      const link = await this.#options.link();
      const usable = link?.adminUp && isSameTunnel(link.tunnel, this.#tunnel) ? link : undefined;
      if (this.#life && usable && isSameLink(this.#life.link, usable)) return;
      await this.#end();
      // Fails for as long as the link has not got its addresses back, and is tried again at the next look.
      if (usable) await this.#start(this.#config, usable).catch(this.#options.onTrouble);
    });
  }

  /** Says goodbye and ends. Rejects where that was due and could not be done. */
  stop(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#config === undefined) return;
      this.#config = undefined;
      try {
        if (this.#life) await this.#life.transmission.farewell?.();
        else if (this.#options.hasFarewell) throw new SocketError('sendto', 'missing', 'ENETDOWN');
      } finally {
        await this.#end();
      }
    });
  }

  /** Ends without a word. */
  abandon(): Promise<void> {
    return this.#inTurn(async () => {
      this.#config = undefined;
      await this.#end();
    });
  }

  async #start(config: Config, link: Link | undefined): Promise<void> {
    const {begin, context} = this.#options;
    if (!link) throw new SocketError('link', 'missing', 'ENODEV', {message: `there is no interface ${context.tunnel}`});
    this.#life = {link, transmission: await begin(config, link, context)};
  }

  async #end(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await life?.transmission.close();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
