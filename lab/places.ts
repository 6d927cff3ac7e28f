import {HostPlace} from './host-place.js';
import type {Place} from './place.js';
import {UmlPlace} from './uml-place.js';

/** In the order of preference. */
export const places: readonly Place[] = [new HostPlace(), new UmlPlace()];

/** The first place this machine can offer. Throws an error that says what each of them lacks. */
export function findPlace(ownKernel = false): Place {
  const candidates = places.filter(place => place.ownsKernel || !ownKernel);
  const found = candidates.find(place => place.missing() === undefined);
  if (found) return found;
  const reasons = candidates.map(place => `  ${place.name}: ${place.missing()}`);
  throw new Error(`this machine has no place to run the laboratory in:\n${reasons.join('\n')}`);
}
