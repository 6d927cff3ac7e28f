import {readFileSync} from 'node:fs';
import type {Socket} from 'node:net';
import {constants, endianness} from 'node:os';
import {getSystemErrorName} from 'node:util';
import {type Libc, openLibc} from '../libc/libc.js';
import type {LocalCaller} from './caller.js';

/** Who is at the other end of a socket cannot be found out; the text says why. */
export class PeerUnknown extends Error {
  override readonly name = 'PeerUnknown';
}

// asm-generic/socket.h; PowerPC has a few numbers of its own.
const solSocket = 1;
const soPeerCredentials = process.arch === 'ppc64' ? 21 : 17;
const soPeerGroups = 59;

/** Octets of struct ucred, and of each group. */
const credentialsLength = 12;
const groupLength = 4;
/** Groups to make room for at first. More than these are had with a second call. */
const usualGroups = 32;

const littleEndian = endianness() === 'LE';
const {ENOPROTOOPT, ERANGE} = constants.errno;

/**
 * Who has connected to a Unix socket, as the kernel noted it at that moment: a program that has passed its connection on,
 * or has changed its user since, is known as it was. An ID that the daemon's user namespace does not have is the overflow
 * ID, 65534.
 *
 * The program's name is for people: every program chooses its own, and where the process has ended and its ID been given
 * to another one, the name is that one's.
 *
 * @throws {PeerUnknown} where the connection is gone already, or Node.js does not show its descriptor
 * @throws {LibcUnavailable} where C functions cannot be called
 */
export function localCallerOf(socket: Socket): LocalCaller {
  const libc = openLibc();
  const fd = descriptorOf(socket);
  const {pid, uid, gid} = credentials(libc, fd);
  return {
    kind: 'local',
    uid,
    gids: [...new Set([gid, ...supplementaryGroups(libc, fd)])],
    pid,
    program: programOf(pid),
  };
}

/** The only use of what Node.js keeps to itself; a test notices when it is no longer so. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (handle === null) throw new PeerUnknown('the connection is closed');
  const fd = typeof handle === 'object' ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number') throw new PeerUnknown(`Node.js ${process.version} does not show a socket's descriptor`);
  if (fd < 0) throw new PeerUnknown('the connection is closed');
  return fd;
}

function credentials(libc: Libc, fd: number) {
  const value = new Uint8Array(credentialsLength);
  const errno = read(libc, fd, soPeerCredentials, value, Uint32Array.of(value.length));
  if (errno !== 0) throw refused('SO_PEERCRED', errno);
  const view = new DataView(value.buffer);
  const [pid, uid, gid] = [
    view.getInt32(0, littleEndian),
    view.getUint32(4, littleEndian),
    view.getUint32(8, littleEndian),
  ];
  // (uid_t) -1 is no user: what is at the other end is no Unix socket.
  if (uid === 0xffff_ffff) throw new PeerUnknown('the other end is no program of this host');
  return {pid, uid, gid};
}

function supplementaryGroups(libc: Libc, fd: number): number[] {
  const length = Uint32Array.of(usualGroups * groupLength);
  let value = new Uint8Array(usualGroups * groupLength);
  let errno = read(libc, fd, soPeerGroups, value, length);
  if (errno === ERANGE) {
    // The kernel has said how many there are; they do not change any more.
    value = new Uint8Array(length[0] ?? 0);
    errno = read(libc, fd, soPeerGroups, value, length);
  }
  // Where the kernel is an imitation it may not know this. A caller with fewer groups may do less, never more.
  if (errno === ENOPROTOOPT) return [];
  if (errno !== 0) throw refused('SO_PEERGROUPS', errno);
  const view = new DataView(value.buffer);
  const count = (length[0] ?? 0) / groupLength;
  return Array.from({length: count}, (_, index) => view.getUint32(index * groupLength, littleEndian));
}

/** The errno, or 0. */
const read = (libc: Libc, fd: number, option: number, value: Uint8Array, length: Uint32Array): number =>
  libc.getsockopt(fd, solSocket, option, value, length) === 0 ? 0 : libc.errno();

const refused = (option: string, errno: number) =>
  new PeerUnknown(`the kernel does not tell who has connected: ${option}: ${getSystemErrorName(-errno)}`);

/** What has no glyph, or changes how what follows is shown. */
const unshown = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Empty where the process is gone, or cannot be seen from the daemon's PID namespace (its ID is 0 then). */
function programOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').replace(/\n$/, '').replaceAll(unshown, '\uFFFD');
  } catch {
    return '';
  }
}
