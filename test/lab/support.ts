import type {Place} from '../../lab/place.js';
import {findPlace, type Needs} from '../../lab/places.js';

/** Where skipping would hide that nothing was tested. */
const required = process.env.CI === 'true' || process.env.DOUBLEZEROD_REQUIRE_LAB === '1';

export type Offer = {readonly place: Place} | {readonly reason: string};

/**
 * The place to run in on this machine, or why there is none: a reason to skip. Throws that reason instead where the
 * laboratory is required: in CI, and with DOUBLEZEROD_REQUIRE_LAB=1.
 */
export function offeredPlace(needs: Needs = {}): Offer {
  try {
    return {place: findPlace(needs)};
  } catch (error) {
    if (required) throw error;
    return {reason: (error as Error).message};
  }
}
