import type {BgpSessionStatus, BgpSpeaker} from '../bgp/bgp-speaker.js';
import type {MulticastSpeaker, MulticastStatus} from '../multicast/multicast-speaker.js';
import type {Tunnel} from '../tunnels/tunnel.js';
import type {Tunnel as ProtoTunnel} from './generated/doublezero/tunnel/v1/tunnel.js';
import {fromTunnel} from './translation.js';

interface Answer {
  readonly session: BgpSessionStatus | undefined;
  readonly multicast: MulticastStatus | undefined;
  readonly message: ProtoTunnel;
}

/**
 * Translates tunnels, and answers with the same message for as long as nothing about the tunnel changes: controllers poll, and
 * what is sent again need not be encoded again (`encoded-once.ts`).
 */
export class TunnelAnswers {
  readonly #answers = new WeakMap<Tunnel, Answer>();

  constructor(
    private readonly bgp: Pick<BgpSpeaker, 'session'>,
    private readonly multicast: Pick<MulticastSpeaker, 'status'>,
  ) {}

  of(tunnel: Tunnel): ProtoTunnel {
    const session = this.bgp.session(tunnel.name);
    const multicast = this.multicast.status(tunnel.name);
    const known = this.#answers.get(tunnel);
    if (known && known.multicast === multicast && isSame(known.session, session)) return known.message;
    const message = fromTunnel({tunnel, session, multicast});
    this.#answers.set(tunnel, {session, multicast, message});
    return message;
  }
}

/** Also true of two objects whose fields are the same. */
function isSame(one: BgpSessionStatus | undefined, other: BgpSessionStatus | undefined): boolean {
  if (one === other) return true;
  if (!one || !other) return false;
  const keys = Object.keys(one) as (keyof BgpSessionStatus)[];
  return keys.length === Object.keys(other).length && keys.every(key => one[key] === other[key]);
}
