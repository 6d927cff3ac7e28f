import type {Scenario} from './scenario.js';
import {keepOnExit, teardownOnExit} from './scenarios/exit.js';
import {adoption, interfaceConflict} from './scenarios/foreign-interface.js';
import {judges} from './scenarios/judges.js';
import {multicast} from './scenarios/multicast.js';
import {multicastRefused} from './scenarios/multicast-refused.js';
import {multicastTeardowns} from './scenarios/multicast-teardowns.js';
import {privileges} from './scenarios/privileges.js';
import {edgeFiltering, ibrl, ibrlWithAllocatedIp, multicastRoutes} from './scenarios/services.js';
import {sideBySide} from './scenarios/side-by-side.js';
import {
  survivalDrift,
  survivalJournal,
  survivalPing,
  survivalProvision,
  survivalRemoval,
} from './scenarios/survival.js';
import {teardown} from './scenarios/teardown.js';
import {withoutCapability, withoutGre} from './scenarios/unable-host.js';

/** All of them, by the names that `npm run lab -- NAME` takes. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  judges,
  ibrl,
  'ibrl-with-allocated-ip': ibrlWithAllocatedIp,
  'edge-filtering': edgeFiltering,
  'multicast-routes': multicastRoutes,
  multicast,
  'multicast-teardowns': multicastTeardowns,
  'multicast-refused': multicastRefused,
  'side-by-side': sideBySide,
  'interface-conflict': interfaceConflict,
  adoption,
  'teardown-on-exit': teardownOnExit,
  'keep-on-exit': keepOnExit,
  privileges,
  'without-gre': withoutGre,
  'without-capability': withoutCapability,
  teardown,
  'survival-ping': survivalPing,
  'survival-drift': survivalDrift,
  'survival-provision': survivalProvision,
  'survival-removal': survivalRemoval,
  'survival-journal': survivalJournal,
};
