import {join} from 'node:path';
import {credentials} from '@grpc/grpc-js';
import {RecordingBgpSpeaker} from '../../src/bgp/recording-speaker.js';
import {RecordingMulticastSpeaker} from '../../src/multicast/recording-speaker.js';
import {MemoryNetlinker} from '../../src/netlink/memory.js';
import type {Netlinker} from '../../src/netlink/netlinker.js';
import {recording} from '../../src/netlink/recording.js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {tunnelRpcs} from '../../src/rpc/tunnel-rpcs.js';
import {TunnelServer, type TunnelServerOptions} from '../../src/rpc/tunnel-server.js';
import {TunnelManager} from '../../src/tunnels/tunnel-manager.js';
import {openAccess} from './access.js';
import {controllerOf} from './controller.js';
import {recordingLog, temporaryFolder} from './plumbing.js';

/** The whole service over a model host, and a controller on its Unix socket. */
export async function openService(
  netlinker: Netlinker = new MemoryNetlinker(),
  options: Partial<TunnelServerOptions> = {},
) {
  const folder = await temporaryFolder();
  const kernel = recording(netlinker);
  const bgp = new RecordingBgpSpeaker();
  const {lines, log} = recordingLog();
  const multicast = new RecordingMulticastSpeaker();
  const manager = new TunnelManager({netlinker: kernel.netlinker, bgp, multicast, log});
  const startTime = new Date();
  const daemonInfo = () => ({
    version: '1.2.3',
    startTime,
    network: 'testnet',
    netlinkBackend: 'memory',
    greSupported: true,
    socketAbortSupported: false,
    listeners: server.addresses,
  });
  const server = await TunnelServer.listen({
    ...openAccess(),
    addresses: [parseListenAddress(`unix:${join(folder.path, 'd.sock')}`)],
    rpcs: tunnelRpcs({manager, bgp, multicast, daemonInfo}),
    log,
    ...options,
  });
  server.serve();
  const address = server.addresses[0] ?? '';
  const client = new TunnelServiceClient(address, credentials.createInsecure());
  return {
    address,
    client,
    ...controllerOf(client),
    kernel,
    bgp,
    multicast,
    lines,
    manager,
    startTime,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close();
      await manager[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Something that happens once, and can be waited for. */
export function latch() {
  let open = () => {};
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  return {opened, open: () => open()};
}

/** A host on which raising a tunnel takes until `finish` is opened. */
export class SlowHost extends MemoryNetlinker {
  readonly began = latch();
  readonly finish = latch();

  override async tunnelUp(name: string): Promise<void> {
    this.began.open();
    await this.finish.opened;
    await super.tunnelUp(name);
  }
}
