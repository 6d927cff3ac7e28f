import {credentials, makeGenericClientConstructor, type ServiceError} from '@grpc/grpc-js';
import {service} from 'grpc-health-check';

type Answer = (error: ServiceError | null, response?: {readonly status: string}) => void;

const HealthClient = makeGenericClientConstructor(service, 'grpc.health.v1.Health');

/**
 * Asks the server at an address (`unix:/run/…`, `127.0.0.1:7300`) how it fares as a whole, by the standard health
 * protocol. Resolves to `SERVING`, `NOT_SERVING` or another of that protocol's words.
 *
 * @throws grpc-js's `ServiceError` where there is no answer within `timeout` milliseconds
 */
export async function checkHealth(address: string, timeout: number): Promise<string> {
  const client = new HealthClient(address, credentials.createInsecure());
  try {
    return await new Promise<string>((resolve, reject) => {
      const answer: Answer = (error, response) =>
        error ? reject(error) : resolve(response?.status ?? 'without a status');
      client.check?.({service: ''}, {deadline: Date.now() + timeout}, answer);
    });
  } finally {
    client.close();
  }
}
