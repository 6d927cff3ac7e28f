/** An empty unary call on a Unix socket, the first argument: what grpc-js costs by itself. `calls.ts` starts it. */
import {once} from 'node:events';
import {Server, ServerCredentials} from '@grpc/grpc-js';
import {parseCommandLine} from '../src/config/options.js';
import {serverOptions} from '../src/rpc/limits.js';
import {emptyService} from './empty-service.js';

const defaults = parseCommandLine([]);
if (!('run' in defaults)) throw new TypeError('not asked to run');
const server = new Server(serverOptions(defaults.run.limits));
server.addService(emptyService, {
  call: (_call: unknown, respond: (error: null, response: object) => void) => respond(null, {}),
});
await new Promise<void>((resolve, reject) => {
  server.bindAsync(`unix:${process.argv[2]}`, ServerCredentials.createInsecure(), error =>
    error ? reject(error) : resolve(),
  );
});
console.log('ready');
await once(process, 'SIGTERM');
server.forceShutdown();
