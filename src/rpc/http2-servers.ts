import type {Http2Server} from 'node:http2';
import type {Server} from '@grpc/grpc-js';

/**
 * The HTTP/2 servers below a gRPC server, those of its connection injectors among them. grpc-js shows nothing of sessions,
 * and what wears a server out happens there; so this looks into a private member, of a version that is pinned.
 *
 * @throws where it is not what it was, so that no release of grpc-js goes without limits silently
 */
export function http2ServersOf(server: Server): Http2Server[] {
  const servers: unknown = Reflect.get(server, 'http2Servers');
  if (!(servers instanceof Map)) throw new TypeError('grpc-js keeps its HTTP/2 servers elsewhere than before');
  return [...servers.keys()] as Http2Server[];
}
