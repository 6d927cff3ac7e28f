import test from 'ava';
import {checkTlsIsUsed, formatListenAddress, parseListenAddress} from '../../../src/rpc/listen-address.js';
import {ListenError} from '../../../src/rpc/listen-error.js';

const accepted: [text: string, meaning: string][] = [
  ['unix:/run/doublezerod/doublezerod.sock', 'unix:/run/doublezerod/doublezerod.sock'],
  ['unix:///run/d.sock', 'unix:/run/d.sock'],
  ['/run/d.sock', 'unix:/run/d.sock'],
  ['/run/../run/d.sock', 'unix:/run/d.sock'],
  ['127.0.0.1:7300', '127.0.0.1:7300'],
  ['127.8.8.8:0', '127.8.8.8:0'],
  ['localhost:65535', '127.0.0.1:65535'],
  ['[::1]:7300', '[::1]:7300'],
  ['[0:0:0:0:0:0:0:1]:7300', '[::1]:7300'],
  ['tls:127.0.0.1:7300', 'tls:127.0.0.1:7300'],
  ['tls:localhost:0', 'tls:127.0.0.1:0'],
  ['tls:[::1]:7300', 'tls:[::1]:7300'],
  ['192.0.2.1:7300', 'tls:192.0.2.1:7300'],
  ['tls:192.0.2.1:7300', 'tls:192.0.2.1:7300'],
  ['0.0.0.0:7300', 'tls:0.0.0.0:7300'],
  ['[::]:7300', 'tls:[::]:7300'],
  ['[2001:DB8:0::1]:7300', 'tls:[2001:db8::1]:7300'],
  ['[::ffff:127.0.0.1]:7300', 'tls:[::ffff:127.0.0.1]:7300'],
  ['[fe80::1%lo]:7300', 'tls:[fe80::1%lo]:7300'],
];
for (const [text, meaning] of accepted) {
  test(`${text} is taken as ${meaning}`, t => t.is(formatListenAddress(parseListenAddress(text)), meaning));
}

const refused: [text: string, because: RegExp][] = [
  ['', /neither \[tls:\]HOST:PORT/],
  ['7300', /neither \[tls:\]HOST:PORT/],
  ['127.0.0.1', /neither \[tls:\]HOST:PORT/],
  ['127.0.0.1:', /neither \[tls:\]HOST:PORT/],
  ['127.0.0.1:http', /neither \[tls:\]HOST:PORT/],
  ['127.0.0.1:-1', /neither \[tls:\]HOST:PORT/],
  ['::1:7300', /neither \[tls:\]HOST:PORT/],
  ['127.0.0.1:65536', /0 to 65535/],
  ['tls:7300', /neither \[tls:\]HOST:PORT/],
  ['tls:tls:127.0.0.1:7300', /neither \[tls:\]HOST:PORT/],
  ['tls:unix:/run/d.sock', /neither \[tls:\]HOST:PORT/],
  ['tls:/run/d.sock', /neither \[tls:\]HOST:PORT/],
  ['TLS:127.0.0.1:7300', /neither \[tls:\]HOST:PORT/],
  [':7300', /"" is not an IP address/],
  ['127.1:7300', /"127.1" is not an IP address/],
  ['192.0.2.256:7300', /is not an IP address/],
  ['[127.0.0.1]:7300', /is not an IP address/],
  ['[::1%]:7300', /is not an IP address/],
  ['localhost.example:7300', /names are not looked up/],
  ['tls:controller.example:7300', /names are not looked up/],
  ['unix:relative.sock', /not an absolute path/],
  ['unix:/run/', /does not name a socket/],
  ['unix:/run/a\0b', /does not name a socket/],
  [`unix:/${'a'.repeat(107)}`, /longer than the 107 bytes/],
];
for (const [text, because] of refused) {
  test(`${JSON.stringify(text.slice(0, 40))} is refused, and the flag named`, t => {
    const {message} = t.throws(() => parseListenAddress(text, '--listen'), {instanceOf: ListenError});
    t.regex(message, because);
    t.true(message.startsWith('--listen: '));
  });
}

const files = {cert: '/tls/tls.crt', key: '/tls/tls.key', clientCa: '/tls/ca.crt', minVersion: '1.3'} as const;
const policy = '/policy.yaml';
const parsed = (...texts: string[]) => texts.map(text => parseListenAddress(text));

for (const text of ['192.0.2.1:7300', 'tls:127.0.0.1:7300']) {
  for (const [policyFile, needs] of [
    [policy, 'needs TLS: --tls-cert, --tls-key and --tls-client-ca are missing'],
    [undefined, 'needs TLS and a policy: --tls-cert, --tls-key, --tls-client-ca and --policy are missing'],
  ] as const) {
    test(`${text} without files for TLS is refused, and the flags named, ${policyFile ? 'with' : 'and without'} a policy`, t => {
      const check = () => checkTlsIsUsed(parsed('/run/d.sock', text), {tls: undefined, policy: policyFile});
      const {message} = t.throws(check, {instanceOf: ListenError});
      t.is(message, `--listen: "${formatListenAddress(parseListenAddress(text))}" ${needs}`);
    });
  }
}

test('files for TLS without a listener that has TLS are refused, and the flags named', t => {
  const check = () => checkTlsIsUsed(parsed('/run/d.sock', '127.0.0.1:7300', '[::1]:0'), {tls: files, policy});
  const {message} = t.throws(check, {instanceOf: ListenError});
  t.regex(
    message,
    /^--tls-cert, --tls-key and --tls-client-ca: no listener has TLS; a TCP listener is missing: --listen/,
  );
});

test('files for TLS with one listener that has TLS, and neither of the two, go together', t => {
  t.notThrows(() => checkTlsIsUsed(parsed('/run/d.sock', '127.0.0.1:7300', '0.0.0.0:7301'), {tls: files, policy}));
  t.notThrows(() => checkTlsIsUsed(parsed('/run/d.sock', '127.0.0.1:7300'), {tls: undefined, policy: undefined}));
});
