import test from 'ava';
import {formatListenAddress, parseListenAddress} from '../../../src/rpc/listen-address.js';
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
];
for (const [text, meaning] of accepted) {
  test(`${text} is taken as ${meaning}`, t => t.is(formatListenAddress(parseListenAddress(text)), meaning));
}

const refused: [text: string, because: RegExp][] = [
  ['', /neither HOST:PORT/],
  ['7300', /neither HOST:PORT/],
  ['127.0.0.1', /neither HOST:PORT/],
  ['127.0.0.1:', /neither HOST:PORT/],
  ['127.0.0.1:http', /neither HOST:PORT/],
  ['127.0.0.1:-1', /neither HOST:PORT/],
  ['::1:7300', /neither HOST:PORT/],
  ['127.0.0.1:65536', /0 to 65535/],
  ['0.0.0.0:7300', /needs TLS/],
  [':7300', /needs TLS/],
  ['192.0.2.1:7300', /needs TLS/],
  ['[::]:7300', /needs TLS/],
  ['[::ffff:127.0.0.1]:7300', /needs TLS/],
  ['[fe80::1%lo]:7300', /needs TLS/],
  ['[127.0.0.1]:7300', /needs TLS/],
  ['localhost.example:7300', /needs TLS/],
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
