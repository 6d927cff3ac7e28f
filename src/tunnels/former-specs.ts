import {runEvery} from '../services/step.js';
import {strategyFor} from '../services/strategies.js';
import type {Ports} from '../services/strategy.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';

const isSameDevice = (a: TunnelSpec, b: TunnelSpec): boolean =>
  a.tunnelSrc === b.tunnelSrc && a.tunnelDst === b.tunnelDst;

/** The specs that a crash interrupted the replacement of, slot by slot, for as long as their device may be there. */
export class FormerSpecs {
  readonly #specs = new Map<string, TunnelSpec>();

  constructor(private readonly ports: Ports) {}

  of(slotName: string): TunnelSpec | undefined {
    return this.#specs.get(slotName);
  }

  note(slotName: string, former: TunnelSpec): void {
    this.#specs.set(slotName, former);
  }

  /**
   * Takes the device of the former spec out, where it is still that one. Where the successor has the same, or has its own
   * by now, adoption sees to what differs: a teardown would take away what both have. Resolves to what went wrong; as long
   * as something does, the former spec is not forgotten.
   */
  async clear(slotName: string, successor: TunnelSpec): Promise<readonly unknown[]> {
    const former = this.#specs.get(slotName);
    if (!former) return [];
    const errors = isSameDevice(former, successor) ? [] : await this.#tearDown(slotName, former);
    if (errors.length === 0) this.#specs.delete(slotName);
    return errors;
  }

  async #tearDown(slotName: string, former: TunnelSpec): Promise<readonly unknown[]> {
    const {tunnel} = (await this.ports.netlinker.link(slotName)) ?? {};
    if (tunnel?.local !== former.tunnelSrc || tunnel.remote !== former.tunnelDst) return [];
    return (await runEvery(strategyFor(former).teardown(former, this.ports))).errors;
  }
}
