import {formatPrefix} from '../ip/ipv4.js';
import type {Netlinker, Route, Rule} from '../netlink/netlinker.js';
import {isAmong, isOurRule, routeIdentity, withoutRules} from './kernel-state.js';
import {IncompleteUndo, ignoreMissing, runAllOrNothing, runEvery, type Step, throwJoined} from './step.js';
import type {FormerRun} from './tunnel-steps.js';

/** Leaves exactly the wanted ones of our rules in the kernel, all or nothing. */
export const rulesAdd = (netlinker: Netlinker, wanted: readonly Rule[]): Step => ({
  step: 'rules_add',
  async run() {
    const found = (await netlinker.rules()).filter(isOurRule);
    const missing = withoutRules(wanted, found);
    const strays = withoutRules(found, wanted);
    return runAllOrNothing([
      ...missing.map(rule => ruleAdd(netlinker, rule)),
      ...strays.map(rule => ruleDelete(netlinker, rule)),
    ]);
  },
});

/** Takes every rule of ours out, those of an earlier tunnel that failed half way too; one refusal does not save the rest. */
export const rulesDelete = (netlinker: Netlinker): Step => ({
  step: 'rules_delete',
  async run() {
    const rules = (await netlinker.rules()).filter(isOurRule);
    const {errors} = await runEvery(rules.map(rule => ruleDelete(netlinker, rule)));
    throwJoined(errors);
    return undefined;
  },
});

const ruleAdd = (netlinker: Netlinker, rule: Rule): Step => ({
  step: 'rule_add',
  async run() {
    await netlinker.ruleAdd(rule);
    return () => ignoreMissing(netlinker.ruleDelete(rule));
  },
});

const ruleDelete = (netlinker: Netlinker, rule: Rule): Step => ({
  step: 'rule_delete',
  async run() {
    await ignoreMissing(netlinker.ruleDelete(rule));
    return () => netlinker.ruleAdd(rule);
  },
});

/** Turns the first set of routes into the second, all or nothing. A destination in both is never without a route. */
export const routesChange = (netlinker: Netlinker, from: readonly Route[], to: readonly Route[]): Step => ({
  step: 'routes_change',
  async run() {
    const undo = () => changeRoutes(netlinker, to, from);
    try {
      await changeRoutes(netlinker, from, to);
    } catch (error) {
      await undo().catch(undoError => {
        throw new IncompleteUndo(error, [undoError]);
      });
      throw error;
    }
    return undo;
  },
});

/** Adds the routes that a former run has not left there. */
export const routesAdd = (netlinker: Netlinker, wanted: readonly Route[], former: FormerRun): Step => ({
  step: 'routes_add',
  run: note => routesChange(netlinker, former.routes, wanted).run(note),
});

/**
 * Puts back the route that the kernel makes with the overlay address, where somebody took it out of a device that a
 * former run left: without it there is no way to the peer, nor to any gateway.
 */
export const connectedRouteRestore = (netlinker: Netlinker, route: Route, former: FormerRun): Step => ({
  step: 'connected_route_restore',
  async run() {
    if (!former.link) return undefined;
    const {table, protocol, interface: device} = route;
    if (isAmong(await netlinker.routes({table, protocol, interface: device}))(route)) return undefined;
    throwFirst(await netlinker.routesReplace([route]));
    return () => deleteRoutes(netlinker, [route]);
  },
});

export const routesDelete = (netlinker: Netlinker, routes: readonly Route[]): Step => ({
  step: 'routes_delete',
  async run() {
    await deleteRoutes(netlinker, routes);
    return undefined;
  },
});

const destinationKey = ({destination, table}: Route): string => `${table} ${formatPrefix(destination)}`;

async function changeRoutes(netlinker: Netlinker, from: readonly Route[], to: readonly Route[]): Promise<void> {
  const kept = new Set(to.map(destinationKey));
  const unchanged = new Set(from.map(routeIdentity));
  const added = to.filter(route => !unchanged.has(routeIdentity(route)));
  if (added.length > 0) throwFirst(await netlinker.routesReplace(added));
  const dropped = from.filter(route => !kept.has(destinationKey(route)));
  if (dropped.length > 0) await deleteRoutes(netlinker, dropped);
}

async function deleteRoutes(netlinker: Netlinker, routes: readonly Route[]): Promise<void> {
  throwFirst((await netlinker.routesDelete(routes)).filter(({error}) => error.kind !== 'missing'));
}

function throwFirst([first]: readonly {readonly error: Error}[]): void {
  if (first) throw first.error;
}
