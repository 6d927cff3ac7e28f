import {type CallOptions, type ClientUnaryCall, credentials, Metadata, type ServiceError, status} from '@grpc/grpc-js';
import type {DaemonInfo} from '../src/rpc/generated/doublezero/tunnel/v1/daemon_info.js';
import type {RemoveTunnelResponse} from '../src/rpc/generated/doublezero/tunnel/v1/teardown.js';
import type {Tunnel} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {
  type ListTunnelsResponse,
  ProvisionTunnelRequest,
  RemoveTunnelRequest,
  TunnelServiceClient,
  UpdateTunnelRequest,
} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import type {TunnelSpec} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {ErrorInfo} from '../src/rpc/generated/google/rpc/error_details.js';
import {Status} from '../src/rpc/generated/google/rpc/status.js';

type Call<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** The other fields of a request, and a signal whose abort cancels the call. */
type Options<Request> = Omit<Partial<Request>, 'spec' | 'name'> & {readonly signal?: AbortSignal};

/** A call that the daemon refused: its code's name, the `ErrorInfo` reason, and its message. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;
  readonly reason: string | undefined;
  /** That of the `ErrorInfo`. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(error: ServiceError) {
    const code = status[error.code];
    const [details] = error.metadata.get('grpc-status-details-bin');
    const info = Buffer.isBuffer(details)
      ? Status.decode(details).details.find(({typeUrl}) => typeUrl.endsWith('/google.rpc.ErrorInfo'))
      : undefined;
    const {reason, metadata = {}} = info ? ErrorInfo.decode(info.value) : {};
    super(`${code}${reason ? ` ${reason}` : ''}: ${error.details}`, {cause: error});
    this.code = code;
    this.reason = reason;
    this.metadata = metadata;
  }
}

/** What a controller does: the generated client on the daemon's Unix socket. */
export class Controller implements Disposable {
  readonly #client: TunnelServiceClient;

  constructor(socket: string) {
    this.#client = new TunnelServiceClient(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 100,
    });
  }

  /** Resolves when the daemon answers on its socket. */
  ready(deadline: Date): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#client.waitForReady(deadline, error => (error ? reject(error) : resolve())),
    );
  }

  provision(spec: Partial<TunnelSpec>, options: Options<ProvisionTunnelRequest> = {}): Promise<Tunnel> {
    const {signal, ...request} = options;
    return this.#call(this.#client.provisionTunnel, ProvisionTunnelRequest.fromPartial({...request, spec}), signal);
  }

  update(spec: Partial<TunnelSpec>, options: Options<UpdateTunnelRequest> = {}): Promise<Tunnel> {
    const {signal, ...request} = options;
    return this.#call(this.#client.updateTunnel, UpdateTunnelRequest.fromPartial({...request, spec}), signal);
  }

  remove(name: string, options: Options<RemoveTunnelRequest> = {}): Promise<RemoveTunnelResponse> {
    const {signal, ...request} = options;
    return this.#call(this.#client.removeTunnel, RemoveTunnelRequest.fromPartial({...request, name}), signal);
  }

  get(name: string): Promise<Tunnel> {
    return this.#call(this.#client.getTunnel, {name});
  }

  async list(): Promise<Tunnel[]> {
    return (await this.#call<object, ListTunnelsResponse>(this.#client.listTunnels, {})).tunnels;
  }

  daemonInfo(): Promise<DaemonInfo> {
    return this.#call(this.#client.getDaemonInfo, {});
  }

  #call<Request, Response>(method: Call<Request, Response>, request: Request, signal?: AbortSignal): Promise<Response> {
    return new Promise((resolve, reject) => {
      const options = {deadline: Date.now() + 40_000};
      const running = method.call(this.#client, request, new Metadata(), options, (error, response) =>
        error ? reject(new Refusal(error)) : resolve(response),
      );
      signal?.addEventListener('abort', () => running.cancel(), {once: true});
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
