import type {SpecInput} from '../src/tunnels/spec-parse.js';

/** Specs as a controller would send them, on the addresses of the model host in `MemoryNetlinker`. */
const common: SpecInput = {
  serviceType: 'ibrl',
  tunnelSrc: '192.0.2.1',
  tunnelDst: '192.0.2.2',
  tunnelNet: '169.254.0.0/31',
  doublezeroIp: '192.0.2.1',
  doublezeroPrefixes: [],
  bgpLocalAsn: 0,
  bgpRemoteAsn: 0,
  mcastPubGroups: [],
  mcastSubGroups: [],
  mcastRpAddress: '',
};

export const samples = {
  ibrl: common,
  ibrlWithAllocatedIp: {...common, serviceType: 'ibrlWithAllocatedIp', doublezeroIp: '10.99.0.1'},
  edgeFiltering: {
    ...common,
    serviceType: 'edgeFiltering',
    doublezeroIp: '10.99.0.1',
    doublezeroPrefixes: ['203.0.113.0/24', '198.51.100.0/25'],
  },
  multicast: {
    ...common,
    serviceType: 'multicast',
    tunnelDst: '192.0.2.3',
    tunnelNet: '169.254.0.2/31',
    doublezeroIp: '10.99.0.9',
    mcastPubGroups: ['233.84.178.1', '233.84.178.3'],
    mcastSubGroups: ['233.84.178.2', '233.84.178.3'],
  },
  subscriber: {
    ...common,
    serviceType: 'multicast',
    tunnelDst: '192.0.2.3',
    tunnelNet: '169.254.0.2/31',
    doublezeroIp: '',
    mcastSubGroups: ['233.84.178.2'],
  },
} satisfies Record<string, SpecInput>;

export type SampleName = keyof typeof samples;
export const sampleNames = Object.keys(samples) as SampleName[];
