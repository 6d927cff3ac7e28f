import {createRequire} from 'node:module';
import type {HealthImplementation} from 'grpc-health-check';
import {addLazily, type Service, servicesOf} from './lazy-service.js';
import type {ServiceRegistry} from './streams.js';

const require = createRequire(import.meta.url);

/** What load balancers and probes ask for: the server as a whole, and the service by its name. */
const services = ['', 'doublezero.tunnel.v1.TunnelService'];

const methods = {
  Check: {requestStream: false, responseStream: false},
  List: {requestStream: false, responseStream: false},
  Watch: {requestStream: false, responseStream: true},
};

/** The standard health service, `grpc.health.v1.Health`. */
export class Health {
  #status: 'SERVING' | 'NOT_SERVING' = 'SERVING';
  #implementation: HealthImplementation | undefined;

  constructor(server: ServiceRegistry) {
    addLazily(server, 'grpc.health.v1.Health', methods, () => this.#load());
  }

  /** Tells those who ask and those who watch that no more work is taken. */
  notServing(): void {
    this.#status = 'NOT_SERVING';
    for (const service of services) this.#implementation?.setStatus(service, this.#status);
  }

  #load(): Service {
    const {HealthImplementation} = require('grpc-health-check') as typeof import('grpc-health-check');
    const implementation = new HealthImplementation(Object.fromEntries(services.map(name => [name, this.#status])));
    this.#implementation = implementation;
    const [service] = servicesOf(server => implementation.addToServer(server));
    if (!service) throw new Error('grpc-health-check adds no service');
    return service;
  }
}
