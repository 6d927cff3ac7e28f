import {type Client, type ClientUnaryCall, makeGenericClientConstructor, type ServiceError} from '@grpc/grpc-js';

const nothing = Buffer.alloc(0);
const serialize = () => nothing;
const deserialize = () => ({});

/** One method, with messages that have no fields. */
export const emptyService = {
  call: {
    path: '/doublezero.bench.Empty/Call',
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  },
} as const;

type Callback = (error: ServiceError | null, response: object) => void;

export const EmptyClient = makeGenericClientConstructor(emptyService, 'Empty') as unknown as new (
  ...args: ConstructorParameters<typeof Client>
) => Client & {call(request: object, callback: Callback): ClientUnaryCall};
