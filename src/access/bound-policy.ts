import type {Caller} from './caller.js';
import {patternsOf} from './identity-pattern.js';
import type {Grant, Policy} from './policy.js';

/** Some callers and what they are granted. */
export interface Binding extends Grant {
  /** As `parsePattern` gives them. */
  readonly identities: readonly string[];
}

/** A policy made of bindings. What several of them grant a caller adds up. */
export class BoundPolicy implements Policy {
  readonly #grants = new Map<string, Grant[]>();
  /** The same for two policies exactly where they grant the same to the same patterns, in whatever order. */
  readonly digest: string;

  constructor(bindings: readonly Binding[]) {
    for (const {identities, ...grant} of bindings) {
      for (const pattern of identities) {
        const grants = this.#grants.get(pattern);
        if (grants) grants.push(grant);
        else this.#grants.set(pattern, [grant]);
      }
    }
    const lines = [...this.#grants].map(([pattern, grants]) =>
      JSON.stringify([pattern, ...new Set(grants.map(textOf))].sort()),
    );
    this.digest = lines.sort().join('\n');
  }

  /** Number of patterns that it grants something. */
  get size(): number {
    return this.#grants.size;
  }

  grants(caller: Caller): readonly Grant[] {
    return patternsOf(caller).flatMap(pattern => this.#grants.get(pattern) ?? []);
  }
}

const sorted = (set: ReadonlySet<string> | undefined): string[] | null => (set ? [...set].sort() : null);

const textOf = ({role, services, interfaces}: Grant): string =>
  JSON.stringify([role, sorted(services), sorted(interfaces)]);
