import type {AuditRoom} from './audit.js';

/** The room that calls under way have been promised. */
export class AuditPromises {
  #octets = 0;

  /** Of all of them. */
  get octets(): number {
    return this.#octets;
  }

  keep(octets: number): AuditRoom {
    let kept = octets;
    this.#octets += kept;
    return {
      get octets() {
        return kept;
      },
      [Symbol.dispose]: () => {
        this.#octets -= kept;
        kept = 0;
      },
    };
  }
}
