/**
 * Calls a daemon as another user: `as-user UID GID SOCKET`. Prints what ListTunnels and RemoveTunnel of doublezero0 answered,
 * a line each: the name of the gRPC status. Run by tests, as root; what it needs is loaded before it lets go of that.
 */
import {credentials, type ServiceError, status} from '@grpc/grpc-js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';

const [uid, gid, socket] = process.argv.slice(2);
process.setgroups?.([Number(gid)]);
process.setgid?.(Number(gid));
process.setuid?.(Number(uid));

const client = new TunnelServiceClient(`unix:${socket}`, credentials.createInsecure());
const show = (error: ServiceError | null) => console.log(status[error?.code ?? status.OK]);
client.listTunnels({}, error => {
  show(error);
  client.removeTunnel({name: 'doublezero0', etag: '', allowMissing: true}, refusal => {
    show(refusal);
    client.close();
  });
});
