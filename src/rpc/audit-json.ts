import type {StepReport} from '../services/step.js';
import {TeardownStep} from './generated/doublezero/tunnel/v1/teardown.js';
import {serviceTypeToJSON, type TunnelSpec} from './generated/doublezero/tunnel/v1/tunnel_spec.js';
import type {Duration} from './generated/google/protobuf/duration.js';
import {fromStep} from './translation.js';

/**
 * The JSON of proto3 for the audit log. What ts-proto makes differs in two ways: a duration is a message like any other,
 * with a bigint where it has seconds, and an enum's value of a newer client is `UNRECOGNIZED`, whatever it was.
 */
export const stepToJson = (report: StepReport): unknown => {
  const {duration, ...step} = fromStep(report);
  const json = TeardownStep.toJSON({...step, duration: undefined}) as object;
  return {...json, duration: duration && durationToJson(duration)};
};

/** `toJson` is that of the request's type. */
export function specRequestToJson<Request extends {readonly spec: TunnelSpec | undefined}>(
  toJson: (request: Request) => unknown,
): (request: Request) => unknown {
  return request => {
    const {serviceType} = request.spec ?? {};
    const json = toJson(request) as {readonly spec?: object};
    if (serviceType === undefined || serviceTypeToJSON(serviceType) !== 'UNRECOGNIZED') return json;
    return {...json, spec: {...json.spec, service_type: serviceType}};
  };
}

/** Seconds with 0, 3, 6 or 9 digits behind the point: `0.000134561s`. For durations that are not negative. */
function durationToJson({seconds, nanos}: Duration): string {
  const fraction = String(nanos)
    .padStart(9, '0')
    .replace(/(?:000)+$/, '');
  return `${seconds}${fraction && '.'}${fraction}s`;
}
