import {HealthImplementation} from 'grpc-health-check';
import type {ServiceRegistry} from './streams.js';

/** What load balancers and probes ask for: the server as a whole, and the service by its name. */
const services = ['', 'doublezero.tunnel.v1.TunnelService'];

/** The standard health service, `grpc.health.v1.Health`. */
export class Health {
  readonly #implementation = new HealthImplementation(Object.fromEntries(services.map(name => [name, 'SERVING'])));

  constructor(server: ServiceRegistry) {
    this.#implementation.addToServer(server);
  }

  /** Tells those who ask and those who watch that no more work is taken. */
  notServing(): void {
    for (const service of services) this.#implementation.setStatus(service, 'NOT_SERVING');
  }
}
