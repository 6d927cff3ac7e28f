import {specs} from '../../../lab/specs.js';
import {crashTests} from './crashes.js';

const {ibrl, ibrlWithAllocatedIp, edgeFiltering} = specs;

const services = Object.entries({
  IBRL: ibrl,
  'IBRL with allocated IP': ibrlWithAllocatedIp,
  'edge filtering': edgeFiltering,
});

crashTests(
  services.flatMap(([name, from]) =>
    services
      .filter(([other]) => other !== name)
      .map(([other, to]) => ({title: `update from ${name} to ${other}`, from, to})),
  ),
);
