import type {MethodDefinition, ServiceDefinition, UntypedHandleCall, UntypedServiceImplementation} from '@grpc/grpc-js';
import type {ServiceRegistry} from './streams.js';

/** What a package adds to a server. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export type Shape = Pick<MethodDefinition<unknown, unknown>, 'requestStream' | 'responseStream'>;

/**
 * Adds a service that is loaded with its first call. The standard services come with protobuf parsers of their own;
 * reading and indexing those takes longer than all else that the daemon does at start.
 */
export function addLazily(
  server: ServiceRegistry,
  service: string,
  methods: Readonly<Record<string, Shape>>,
  load: () => Service,
): void {
  let loaded: Service | undefined;
  const method = (name: string) => {
    loaded ??= load();
    const definition = known(loaded.definition[name], name);
    const {implementation} = loaded;
    return {...definition, handle: known(implementation[name] ?? implementation[definition.originalName ?? ''], name)};
  };
  const definition: ServiceDefinition = Object.fromEntries(
    Object.entries(methods).map(([name, shape]) => [
      name,
      {
        ...shape,
        path: `/${service}/${name}`,
        requestSerialize: value => method(name).requestSerialize(value),
        requestDeserialize: bytes => method(name).requestDeserialize(bytes),
        responseSerialize: value => method(name).responseSerialize(value),
        responseDeserialize: bytes => method(name).responseDeserialize(bytes),
      } satisfies MethodDefinition<unknown, unknown>,
    ]),
  );
  const implementation = Object.fromEntries(
    Object.keys(methods).map((name): [string, UntypedHandleCall] => {
      const handle = (...call: unknown[]) => (method(name).handle as (...call: unknown[]) => void)(...call);
      return [name, handle];
    }),
  );
  server.addService(definition, implementation);
}

/** The services that `add` adds to the server it is given. */
export function servicesOf(add: (server: ServiceRegistry) => void): Service[] {
  const services: Service[] = [];
  add({addService: (definition, implementation) => services.push({definition, implementation})});
  return services;
}

function known<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`the service has no ${name}`);
  return value;
}
