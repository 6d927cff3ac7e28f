// What watchers are told of a tunnel that is only being created.
import {EventEmitter, once} from 'node:events';
import test from 'ava';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {refusal} from '../../../src/netlink/refusal.js';
import type {TunnelManager} from '../../../src/tunnels/tunnel-manager.js';
import {samples} from '../../samples.js';
import {openWorld} from '../../world.js';

/** A host that stops in the midst of each set-up (`paused`) until it is told how to go on (`goOn`, with an errno or none). */
class PausingNetlinker extends MemoryNetlinker {
  readonly emitter = new EventEmitter();

  override async tunnelUp(name: string): Promise<void> {
    const told = once(this.emitter, 'goOn');
    this.emitter.emit('paused');
    const [errno] = await told;
    if (errno !== undefined) throw refusal('tunnelUp', errno);
    await super.tunnelUp(name);
  }
}

/** The events of a watch that begins now, up to the first of the type. */
async function watch(manager: TunnelManager, last: string): Promise<string[]> {
  const stop = new AbortController();
  const seen: string[] = [];
  const options = {resumeToken: '', names: [], signal: stop.signal, onOverrun: () => undefined};
  for await (const {type, tunnel} of manager.watch(options)) {
    seen.push([type, tunnel?.name, tunnel?.state].filter(Boolean).join(' '));
    if (type === last) break;
  }
  return seen;
}

test('a watch that begins while a tunnel is created is told of it when it is, and not before', async t => {
  const netlinker = new PausingNetlinker();
  await using world = openWorld(netlinker);
  const paused = once(netlinker.emitter, 'paused');
  const provisioning = world.manager.provision(samples.ibrl);
  await paused;
  t.like(world.manager.get('doublezero0'), {state: 'provisioning'});
  const watching = watch(world.manager, 'created');
  netlinker.emitter.emit('goOn');
  await provisioning;
  t.deepEqual(await watching, ['snapshotEnd', 'created doublezero0 up']);
  t.deepEqual(await watch(world.manager, 'snapshotEnd'), ['snapshot doublezero0 up', 'snapshotEnd']);
});

test('a watch that begins while a set-up is about to fail never hears of that tunnel', async t => {
  const netlinker = new PausingNetlinker();
  await using world = openWorld(netlinker);
  const paused = once(netlinker.emitter, 'paused');
  const provisioning = world.manager.provision(samples.ibrl);
  await paused;
  const watching = watch(world.manager, 'created');
  netlinker.emitter.emit('goOn', 'EIO');
  await t.throwsAsync(provisioning, {message: /tunnelUp: EIO/});
  const again = once(netlinker.emitter, 'paused');
  const second = world.manager.provision(samples.multicast);
  await again;
  netlinker.emitter.emit('goOn');
  await second;
  t.deepEqual(await watching, ['snapshotEnd', 'created doublezero1 up']);
});
