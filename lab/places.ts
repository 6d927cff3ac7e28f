import {HostPlace} from './host-place.js';
import type {Place} from './place.js';
import {missingPrograms} from './programs.js';
import {QemuPlace} from './qemu-place.js';
import type {Scenario} from './scenario.js';
import {UmlPlace} from './uml-place.js';

/** In the order of preference. */
export const places: readonly Place[] = [new HostPlace(), new UmlPlace(), new QemuPlace()];

/** What a scenario asks of the place. */
export type Needs = Pick<Scenario, 'needsOwnKernel' | 'needsSocketAbort' | 'programs'>;

/** What the place, or this machine, lacks of what is needed in it; `undefined` where it meets the needs. */
export function unmet(place: Place, {needsOwnKernel, needsSocketAbort, programs = []}: Needs): string | undefined {
  if (needsOwnKernel && !place.ownsKernel) return 'it has no kernel of its own, which is needed';
  if (needsSocketAbort && !place.abortsSockets) return 'its kernel is not known to abort sockets, which is needed';
  return missingPrograms(programs);
}

/** The first place this machine can offer that meets the needs. Throws an error that says what each of them lacks. */
export function findPlace(needs: Needs = {}): Place {
  const lacks = (place: Place): string | undefined => unmet(place, needs) ?? place.missing();
  const found = places.find(place => lacks(place) === undefined);
  if (found) return found;
  const reasons = places.map(place => `  ${place.name}: ${lacks(place)}`);
  throw new Error(`this machine has no place to run the laboratory in:\n${reasons.join('\n')}`);
}
