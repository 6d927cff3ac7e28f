import {runEvery} from '../services/step.js';
import {strategyFor} from '../services/strategies.js';
import type {Ports} from '../services/strategy.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';

const isSameDevice = (a: TunnelSpec, b: TunnelSpec): boolean =>
  a.tunnelSrc === b.tunnelSrc && a.tunnelDst === b.tunnelDst;

/** The specs whose replacement was cut short, slot by slot, for as long as something of them may be there. */
export class FormerSpecs {
  readonly #specs = new Map<string, TunnelSpec>();

  constructor(private readonly ports: Ports) {}

  of(slotName: string): TunnelSpec | undefined {
    return this.#specs.get(slotName);
  }

  note(slotName: string, former: TunnelSpec): void {
    this.#specs.set(slotName, former);
  }

  /** Nothing of it is left. */
  forget(slotName: string): void {
    this.#specs.delete(slotName);
  }

  /**
   * Takes the former spec out, where its device is still there. Where the successor has the same, or has its own by now,
   * adoption sees to what differs: a teardown would take away what both have. The guards of its addresses, which outlive the
   * device, go in any case. Resolves to what went wrong.
   */
  async clear(slotName: string, successor: TunnelSpec): Promise<readonly unknown[]> {
    const former = this.#specs.get(slotName);
    if (!former) return [];
    const strategy = strategyFor(former);
    try {
      const isThere = !isSameDevice(former, successor) && (await this.#hasItsDevice(slotName, former));
      const steps = isThere ? strategy.teardown(former, this.ports) : strategy.unguard(former, this.ports);
      return (await runEvery(steps)).errors;
    } catch (error) {
      return [error];
    }
  }

  async #hasItsDevice(slotName: string, {tunnelSrc, tunnelDst}: TunnelSpec): Promise<boolean> {
    const {tunnel} = (await this.ports.netlinker.link(slotName)) ?? {};
    return tunnel?.local === tunnelSrc && tunnel.remote === tunnelDst;
  }
}
