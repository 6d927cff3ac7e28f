import type {ServiceType} from '../services/tunnel-spec.js';
import type {Caller} from './caller.js';

/** From the lesser to the greater; an operator may do all that a viewer may. */
export const roles = ['viewer', 'operator'] as const;
export type Role = (typeof roles)[number];

/** A role, as a caller has it. Where it is narrowed, it is a viewer's for everything else. */
export interface Grant {
  readonly role: Role;
  /** An operator for tunnels of these services only. */
  readonly services?: ReadonlySet<ServiceType> | undefined;
  /** An operator for these interfaces only. */
  readonly interfaces?: ReadonlySet<string> | undefined;
}

/** Who may do what. Immutable: a policy that changes is another one. */
export interface Policy {
  /** All that the caller is granted, by whatever binding; nothing where it may do nothing. */
  grants(caller: Caller): readonly Grant[];
}

/** The policy as it is now. */
export interface PolicySource {
  readonly current: Policy;
  /** Called with every change, after `current` has changed. Returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** A policy that does not change. */
export const fixed = (policy: Policy): PolicySource => ({current: policy, onChange: () => () => {}});
