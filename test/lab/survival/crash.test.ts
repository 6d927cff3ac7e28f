import {specs} from '../../../lab/specs.js';
import {crashTests} from './crashes.js';

const {ibrl, ibrlWithAllocatedIp, edgeFiltering, multicast} = specs;
const subscriber = {...multicast, doublezeroIp: '', mcastPubGroups: []};
const elsewhere = {tunnelDst: '192.0.2.77', tunnelNet: '169.254.7.0/31'};

crashTests([
  ...Object.entries({...specs, subscriber}).flatMap(([name, spec]) => [
    {title: `provision of ${name}`, to: spec},
    {title: `removal of ${name}`, from: spec},
  ]),
  {title: 'update of edge filtering to another device', from: edgeFiltering, to: {...edgeFiltering, ...elsewhere}},
  {title: 'update from publisher to subscriber', from: multicast, to: subscriber},
  {title: 'update from subscriber to publisher', from: subscriber, to: multicast},
  {title: 'removal of a tunnel beside another', from: ibrlWithAllocatedIp, beside: {...subscriber, ...elsewhere}},
  {title: 'update beside another tunnel', from: ibrlWithAllocatedIp, to: ibrl, beside: {...subscriber, ...elsewhere}},
  {title: 'removal, its journal lost with it', from: edgeFiltering, losesJournal: true},
  {title: 'update of the groups', from: multicast, to: {...multicast, mcastPubGroups: ['233.84.178.9']}},
]);
