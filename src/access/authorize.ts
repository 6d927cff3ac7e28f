import type {ServiceType} from '../services/tunnel-spec.js';
import type {Grant, Role} from './policy.js';

/** What a change is about: the tunnel as it is, and as it shall be where that is another service. */
export interface Target {
  /** `undefined` where there is no tunnel, so that nothing is known: only an operator of all services covers that. */
  readonly service: ServiceType | undefined;
  readonly interface: string;
}

/**
 * How far the role has to reach: over these tunnels; over `some`, where the request is not read yet and the targets are asked
 * for later; or over `all`.
 */
export type Reach = readonly Target[] | 'some' | 'all';

/**
 * - `no-role`: the caller has no role at all.
 * - `role-too-low`: it has a lesser one.
 * - `outside-narrowing`: it is an operator, of other tunnels.
 */
export type RefusalReason = 'no-role' | 'role-too-low' | 'outside-narrowing';

export interface Refusal {
  readonly allowed: false;
  readonly reason: RefusalReason;
  /** The role that the call needs. */
  readonly role: Role;
  /** For people. Says nothing about tunnels that the caller has not named, unless it may see them. */
  readonly text: string;
}

export type Decision = {readonly allowed: true} | Refusal;

/**
 * Whether the grants of a caller are enough for a call.
 *
 * An operator is a viewer too, and one who is narrowed is a viewer of everything. A narrowed grant covers a tunnel whose
 * service is among its services, where it has some, and whose interface is among its interfaces, where it has some. Several
 * grants add up, tunnel by tunnel: not the services of one with the interfaces of another.
 *
 * The targets do not matter to a viewer's call. None at all are covered by any operator.
 */
export function authorize(grants: readonly Grant[], role: Role, reach: Reach = 'all'): Decision {
  const refuse = (reason: RefusalReason, text: string): Refusal => ({allowed: false, reason, role, text});
  if (grants.length === 0) return refuse('no-role', `the caller has no role; this call needs ${role}`);
  if (role === 'viewer') return {allowed: true};
  const operators = grants.filter(grant => grant.role === 'operator');
  if (operators.length === 0) return refuse('role-too-low', 'the caller is a viewer; this call needs operator');
  if (reach === 'some') return {allowed: true};
  if (reach === 'all') {
    if (operators.some(isUnbounded)) return {allowed: true};
    return refuse('outside-narrowing', 'the caller is an operator of some tunnels; this call needs one of all tunnels');
  }
  const outside = reach.find(target => !operators.some(grant => covers(grant, target)));
  if (!outside) return {allowed: true};
  return refuse(
    'outside-narrowing',
    `the caller is an operator of some tunnels; ${outside.interface} as asked for is not among them`,
  );
}

const isUnbounded = ({services, interfaces}: Grant): boolean => services === undefined && interfaces === undefined;

const covers = ({services, interfaces}: Grant, target: Target): boolean =>
  (services === undefined || (target.service !== undefined && services.has(target.service))) &&
  (interfaces === undefined || interfaces.has(target.interface));
