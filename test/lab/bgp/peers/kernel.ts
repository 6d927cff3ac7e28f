import type {Program} from './program.js';
import type {VethWorld} from './veth-world.js';
import {eventually} from './waiting.js';

/** Resolves when the host's kernel has just these destinations from BGP in the table. */
export async function kernelHas(world: VethWorld, destinations: readonly string[], table = 254): Promise<void> {
  const wanted = destinations.map(text => text.replace('/32', '')).sort();
  await eventually(`the kernel has ${wanted.length > 9 ? wanted.length : wanted} routes`, async () => {
    const found = await world.learnedDestinations(table);
    return found.length === wanted.length && found.every((destination, index) => destination === wanted[index]);
  });
}

/** Starts to listen to the route notifications of the host's kernel. Resolves when they are seen to arrive. */
export async function monitorRoutes(world: VethWorld): Promise<Program> {
  const monitor = world.start('host', 'ip', '-4', '-o', 'monitor', 'route');
  const probe = ['unreachable', '198.18.0.1', 'table', '99'];
  // Nothing tells when `ip` has subscribed, so a route comes and goes until it is noticed.
  await eventually('route notifications arrive', async () => {
    await world.ip('host', 'route', 'replace', ...probe);
    await world.ip('host', 'route', 'del', ...probe);
    return monitor.lines.some(line => line.startsWith('Deleted unreachable 198.18.0.1'));
  });
  return monitor;
}
