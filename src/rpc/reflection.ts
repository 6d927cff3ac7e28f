import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {BinaryReader} from '@bufbuild/protobuf/wire';
import type {ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation} from '@grpc/grpc-js';
import type {PackageDefinition} from '@grpc/proto-loader';
import type {ServiceRegistry} from './streams.js';

/** Made by the build, in dist/: our protos with their imports, health, and reflection itself. */
const descriptorSet = new URL('../../descriptor-set.binpb', import.meta.url);
const require = createRequire(import.meta.url);

type Stream = ServerDuplexStream<unknown, unknown>;
type Reflection = {definition: ServiceDefinition; implementation: UntypedServiceImplementation};

/**
 * Adds server reflection, v1 and v1alpha, so that clients need no proto file at hand.
 *
 * Loaded with the first call: indexing the protos takes longer than all else that the daemon does at start, and most
 * daemons are never asked.
 */
export function addReflection(server: ServiceRegistry): void {
  let loaded: Map<string, Reflection> | undefined;
  for (const path of ['v1', 'v1alpha'].map(version => `/grpc.reflection.${version}.ServerReflection`)) {
    const reflection = () => {
      loaded ??= loadReflection();
      return known(loaded.get(path));
    };
    const method = () => known(reflection().definition.ServerReflectionInfo);
    server.addService(
      {
        ServerReflectionInfo: {
          path: `${path}/ServerReflectionInfo`,
          requestStream: true,
          responseStream: true,
          requestSerialize: value => method().requestSerialize(value),
          requestDeserialize: bytes => method().requestDeserialize(bytes),
          responseSerialize: value => method().responseSerialize(value),
          responseDeserialize: bytes => method().responseDeserialize(bytes),
        },
      },
      {
        ServerReflectionInfo(stream: Stream) {
          const handle = known(reflection().implementation.ServerReflectionInfo) as (stream: Stream) => void;
          handle(stream);
        },
      },
    );
  }
}

/** What `ReflectionService` would add to a server, by the path of the service. */
function loadReflection(): Map<string, Reflection> {
  const {ReflectionService} = require('@grpc/reflection') as typeof import('@grpc/reflection');
  const reflections = new Map<string, Reflection>();
  new ReflectionService(packageDefinition()).addToServer({
    addService(definition, implementation) {
      const path = known(Object.values(definition)[0]).path;
      reflections.set(path.slice(0, path.lastIndexOf('/')), {definition, implementation});
    },
  });
  return reflections;
}

/**
 * The descriptors as buf wrote them. `loadFileDescriptorSetFromBuffer` of proto-loader would make new ones: one file a
 * package, without imports, comments and JSON names, so that clients would print other names than the protos have.
 */
function packageDefinition(): PackageDefinition {
  const fileDescriptorProtos: Buffer[] = [];
  const reader = new BinaryReader(readFileSync(descriptorSet));
  while (reader.pos < reader.len) {
    reader.tag(); // `file`, the only field of a FileDescriptorSet
    fileDescriptorProtos.push(Buffer.from(reader.bytes()));
  }
  // ReflectionService looks at the files of an entry, whatever it describes.
  return {files: {format: 'Protocol Buffer 3 EnumDescriptorProto', type: {}, fileDescriptorProtos}};
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('@grpc/reflection adds no such service');
  return value;
}
