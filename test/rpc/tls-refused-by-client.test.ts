// Clients that do not believe the daemon's certificate.
import {once} from 'node:events';
import {Duplex} from 'node:stream';
import {connect} from 'node:tls';
import test from 'ava';
import type {HandshakeFailure} from '../../src/rpc/handshake-failure.js';
import {serveTls} from './tls-world.js';

type Version = 'TLSv1.2' | 'TLSv1.3';

/** The first record of a client. */
function hello(version: Version): Promise<Buffer> {
  return new Promise(resolve => {
    const socket = new Duplex({read() {}, write: resolve});
    connect({socket, ALPNProtocols: ['h2'], minVersion: version, maxVersion: version});
  });
}

const fatalAlert = (description: number) => Buffer.from([21, 3, 3, 0, 2, 2, description]);

/** RFC 8446 §6. */
const alerts: [name: string, description: number, reason: HandshakeFailure['reason']][] = [
  ['bad_certificate', 42, 'refused-by-client'],
  ['unsupported_certificate', 43, 'refused-by-client'],
  ['certificate_revoked', 44, 'refused-by-client'],
  ['certificate_expired', 45, 'refused-by-client'],
  ['certificate_unknown', 46, 'refused-by-client'],
  ['unknown_ca', 48, 'refused-by-client'],
  ['access_denied', 49, 'refused-by-client'],
  ['bad_certificate_status_response', 113, 'refused-by-client'],
  ['handshake_failure', 40, 'tls'],
  ['illegal_parameter', 47, 'tls'],
];
for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const [name, description, reason] of alerts) {
    test(`a client of ${version} that answers the certificate with ${name} is logged as ${reason}`, async t => {
      await using world = await serveTls({minVersion: '1.2'});
      const socket = await world.connectBare();
      socket.write(await hello(version));
      await once(socket, 'data');
      socket.resume();
      socket.write(fatalAlert(description));
      const failure = await world.failure();
      t.is(failure.reason, reason);
      t.true(failure.detail.endsWith(`_${name.toUpperCase()}`), failure.detail);
      t.regex(failure.peer, /^127\.0\.0\.1:[1-9][0-9]*$/);
      t.deepEqual(world.accepted, []);
    });
  }
}
