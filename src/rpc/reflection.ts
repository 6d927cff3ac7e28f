import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {BinaryReader} from '@bufbuild/protobuf/wire';
import type {handleBidiStreamingCall, ServerDuplexStream, UntypedHandleCall} from '@grpc/grpc-js';
import type {PackageDefinition} from '@grpc/proto-loader';
import {addLazily, type Service, servicesOf} from './lazy-service.js';
import type {ServiceRegistry} from './streams.js';

/** Made by the build, in dist/: our protos with their imports, health, and reflection itself. */
const descriptorSet = new URL('../../descriptor-set.binpb', import.meta.url);
const require = createRequire(import.meta.url);

/** Adds server reflection, v1 and v1alpha, so that clients need no proto file at hand. */
export function addReflection(server: ServiceRegistry): void {
  for (const version of ['v1', 'v1alpha']) {
    const name = `grpc.reflection.${version}.ServerReflection`;
    addLazily(server, name, {ServerReflectionInfo: {requestStream: true, responseStream: true}}, () => load(name));
  }
}

let loaded: Service[] | undefined;

function load(name: string): Service {
  loaded ??= loadAll();
  const service = loaded.find(({definition}) => definition.ServerReflectionInfo?.path.startsWith(`/${name}/`));
  if (!service) throw new Error(`@grpc/reflection adds no ${name}`);
  return service;
}

function loadAll(): Service[] {
  const {ReflectionService} = require('@grpc/reflection') as typeof import('@grpc/reflection');
  const reflection = new ReflectionService(packageDefinition());
  return servicesOf(server => reflection.addToServer(server)).map(({definition, implementation}) => ({
    definition,
    implementation: Object.fromEntries(
      Object.entries(implementation).map(([name, handler]) => [name, asFastAsRead(handler)]),
    ),
  }));
}

/**
 * Reads a stream's questions only as fast as the caller takes the answers. `@grpc/reflection` writes whatever is asked for,
 * and an answer is a thousand times as long as its question: it would all stay in memory.
 */
function asFastAsRead(handler: UntypedHandleCall): UntypedHandleCall {
  const handle = handler as handleBidiStreamingCall<unknown, unknown>;
  return (call: ServerDuplexStream<unknown, unknown>) => {
    const write = call.write.bind(call) as (message: unknown) => boolean;
    call.write = (message: unknown) => {
      const hasRoom = write(message);
      if (!hasRoom && !call.isPaused()) {
        call.pause();
        call.once('drain', () => call.resume());
      }
      return hasRoom;
    };
    handle(call);
  };
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
