import {type Client, type ClientReadableStream, credentials, type ServiceError, status} from '@grpc/grpc-js';
import type {LocalCaller} from '../../src/access/caller.js';
import type {PolicySource} from '../../src/access/policy.js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import type {TunnelRpcs} from '../../src/rpc/rpcs.js';
import {fixedTls} from '../../src/rpc/tls-credentials.js';
import {dns, type Issued, TestCa, uri} from '../certificates.js';
import {recordingAudit} from './access.js';
import {serve, temporaryFolder} from './plumbing.js';

/** Every kind of caller. The local ones are users as the kernel would tell of them: see `localCaller`. */
export const callers = [
  'root',
  'the daemon’s own user',
  'a member of the socket’s group',
  'another user',
  'a user bound by uid',
  'a user bound by gid',
  'anonymous',
  'a SPIFFE ID',
  'another SPIFFE ID',
  'a DNS name',
  'a common name',
] as const;
export type CallerKind = (typeof callers)[number];

export const ownUid = 7300;
export const socketGid = 7301;

const local = (uid: number, ...gids: number[]): LocalCaller => ({kind: 'local', uid, gids, pid: 1, program: 'grpcurl'});

const localCallers: Partial<Record<CallerKind, LocalCaller>> = {
  root: local(0, 0),
  'the daemon’s own user': local(ownUid, ownUid),
  'a member of the socket’s group': local(2000, 2000, socketGid),
  'another user': local(2001, 2001),
  'a user bound by uid': local(1000, 1000),
  'a user bound by gid': local(1001, 1001, 27),
};

const certificates: Partial<Record<CallerKind, (ca: TestCa) => Promise<Issued>>> = {
  'a SPIFFE ID': ca => ca.svid('spiffe://example.org/controller/1'),
  'another SPIFFE ID': ca => ca.client({names: [uri('spiffe://example.org/stranger')]}),
  'a DNS name': ca => ca.client({names: [dns('metrics.example.org')]}),
  'a common name': ca => ca.client({subject: 'CN=legacy'}),
};

/** What the caller is called in errors and the audit log. */
export const identities: Readonly<Record<CallerKind, string>> = {
  root: 'uid:0',
  'the daemon’s own user': `uid:${ownUid}`,
  'a member of the socket’s group': 'uid:2000',
  'another user': 'uid:2001',
  'a user bound by uid': 'uid:1000',
  'a user bound by gid': 'uid:1001',
  anonymous: 'anonymous',
  'a SPIFFE ID': 'spiffe://example.org/controller/1',
  'another SPIFFE ID': 'spiffe://example.org/stranger',
  'a DNS name': 'dns:metrics.example.org',
  'a common name': 'cn:legacy',
};

/** A server with a listener of each kind, and a client that is a caller of the kind asked for. */
export async function serveCaller(kind: CallerKind, policy: PolicySource, rpcs: Partial<TunnelRpcs> = {}) {
  const folder = await temporaryFolder();
  const ca = await TestCa.create();
  const {records, audit} = recordingAudit();
  const certificate = await certificates[kind]?.(ca);
  const caller = localCallers[kind];
  const world = await serve(rpcs, {
    addresses: [`unix:${folder.path}/d.sock`, '127.0.0.1:0', 'tls:127.0.0.1:0'].map(text => parseListenAddress(text)),
    tls: fixedTls({...(await ca.server()), clientCa: ca.pem, minVersion: '1.3'}),
    policy,
    audit,
    ...(caller ? {localCaller: () => caller} : {}),
  });
  const [unix = '', plain = '', tls = ''] = world.server.addresses;
  const pem = (text: string) => Buffer.from(text);
  const client = certificate
    ? new TunnelServiceClient(
        tls.replace('tls:127.0.0.1', 'localhost'),
        credentials.createSsl(pem(ca.pem), pem(certificate.key), pem(certificate.cert)),
      )
    : world.connect(caller ? unix : plain);
  return {
    ...world,
    client,
    records,
    async [Symbol.asyncDispose]() {
      client.close();
      await world[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export interface Method {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

const same = (bytes: Buffer): Buffer => bytes;

/** Calls a method with an empty request. Resolves when it has answered, or was answered; rejects with what refused it. */
export function callEmpty(client: Client, {path, requestStream, responseStream}: Method): Promise<void> {
  const empty = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const settle = (error: ServiceError | null | undefined) => (error ? reject(error) : resolve());
    const watch = (stream: ClientReadableStream<Buffer>) => {
      stream.on('data', () => {
        resolve();
        stream.cancel();
      });
      stream.on('end', resolve);
      stream.on('error', (error: ServiceError) => (error.code === status.CANCELLED ? resolve() : reject(error)));
    };
    if (!responseStream) client.makeUnaryRequest(path, same, same, empty, settle);
    else if (!requestStream) watch(client.makeServerStreamRequest(path, same, same, empty));
    else {
      const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same);
      watch(stream);
      stream.end(empty);
    }
  });
}
