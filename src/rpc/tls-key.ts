import {createPrivateKey, type KeyObject} from 'node:crypto';
import {type PemFile, readPemFile, Unusable} from './pem-file.js';

/** Bits. What OpenSSL's security level 2, and so every handshake, asks for. */
const shortestRsaKey = 2048;

const everyone = 0o007;
const groupWrites = 0o020;
const group = 0o070;

/** The only private key in a PEM file that no stranger may read. @throws {Unusable} */
export function readPrivateKey(path: string): {readonly pem: string; readonly key: KeyObject} {
  const file = readPemFile(path);
  refuseStrangers(file);
  const [block, ...others] = file.blocks.filter(({label}) => label.endsWith('PRIVATE KEY'));
  if (!block) throw new Unusable('has no private key in it');
  if (others.length > 0) throw new Unusable('has several private keys in it');
  if (block.label.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(block.pem)) {
    throw new Unusable('is encrypted, and nobody is there to be asked for the passphrase: `openssl pkey` decrypts it');
  }
  const key = parse(block.pem);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? shortestRsaKey;
  if (bits < shortestRsaKey) {
    throw new Unusable(`is an RSA key of ${bits} bits, and TLS asks for ${shortestRsaKey} at least`);
  }
  return {pem: block.pem, key};
}

/**
 * Others may do nothing with the file. Its group may read it where it is root's, so that whoever set it up has chosen the
 * group (`root:ssl-cert` of Debian, a Kubernetes secret with fsGroup), and where the group is one of the daemon's own.
 */
function refuseStrangers({mode, uid, gid}: PemFile): void {
  const shown = `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
  if ((mode & everyone) !== 0) throw new Unusable(`is open to everyone (${shown}): \`chmod o=\` closes it`);
  if ((mode & groupWrites) !== 0)
    throw new Unusable(`may be written to by its group (${shown}): \`chmod g-w\` ends that`);
  const isOwnGroup = gid === process.getegid?.() || process.getgroups?.().includes(gid);
  if ((mode & group) !== 0 && uid !== 0 && !isOwnGroup) {
    throw new Unusable(`is open to a group that the daemon is not in (${shown}, group ${gid}): \`chmod g=\` closes it`);
  }
}

function parse(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Unusable(`has a private key that cannot be read: ${(error as Error).message}`, {cause: error});
  }
}
