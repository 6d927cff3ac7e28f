import test from 'ava';
import {specRequestToJson, stepToJson} from '../../../src/rpc/audit-json.js';
import {
  ProvisionTunnelRequest,
  UpdateTunnelRequest,
} from '../../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';

const durations: [milliseconds: number, json: string][] = [
  [0.134561, '0.000134561s'],
  [0.1345, '0.000134500s'],
  [1.234, '0.001234s'],
  [120, '0.120s'],
  [0, '0s'],
  [2000, '2s'],
  [61_000.000001, '61.000000001s'],
];
for (const [duration, json] of durations) {
  test(`a step of ${duration} ms has a duration of ${json}`, t => {
    const step = {step: 'abort_sockets', ok: true, error: '', note: '', duration};
    t.deepEqual(stepToJson(step), {step: 'abort_sockets', ok: true, duration: json});
  });
}

test('a step that failed says why', t => {
  const step = {step: 'tunnel_down', ok: false, error: 'EBUSY', note: '', duration: 1};
  t.deepEqual(stepToJson(step), {step: 'tunnel_down', error: 'EBUSY', duration: '0.001s'});
});

const serviceTypes: [serviceType: number, json: object][] = [
  [1, {service_type: 'SERVICE_TYPE_IBRL'}],
  [99, {service_type: 99}],
  [-1, {service_type: -1}],
  [0, {}],
];
for (const [serviceType, json] of serviceTypes) {
  test(`service type ${serviceType} of a request is ${JSON.stringify(json)}`, t => {
    const request = {spec: {serviceType}};
    t.deepEqual(specRequestToJson(ProvisionTunnelRequest.toJSON)(ProvisionTunnelRequest.fromPartial(request)), {
      spec: json,
    });
    t.deepEqual(specRequestToJson(UpdateTunnelRequest.toJSON)(UpdateTunnelRequest.fromPartial(request)), {spec: json});
  });
}

test('a request without a spec has none', t => {
  const request = ProvisionTunnelRequest.fromPartial({validateOnly: true});
  t.deepEqual(specRequestToJson(ProvisionTunnelRequest.toJSON)(request), {validate_only: true});
});
