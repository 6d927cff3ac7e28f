import {type Ipv4, ipv4} from '../../ip/ipv4.js';
import {PimError} from './pim-error.js';

/** Address family 1 of the IANA registry is IPv4; encoding type 0 is the native one (RFC 7761 §4.9.1). */
const [ipv4Family, nativeEncoding] = [1, 0];
/** Bits: no group or source is ever less than a whole address here. */
const wholeAddress = 32;

/** Reads a message from front to back and never past its end. */
export class Reader {
  #at = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  skip(length: number): void {
    this.#advance(length);
  }

  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Encoded-Unicast (RFC 7761 §4.9.1). */
  unicast(): Ipv4 {
    this.#expectIpv4();
    return ipv4(this.u32());
  }

  /** Encoded-Group; its flags mean nothing to us. */
  group(): Ipv4 {
    this.#expectIpv4();
    this.skip(1);
    return this.#wholeAddress();
  }

  /** Encoded-Source, with the flags octet. */
  source(): {readonly flags: number; readonly address: Ipv4} {
    this.#expectIpv4();
    return {flags: this.u8(), address: this.#wholeAddress()};
  }

  #wholeAddress(): Ipv4 {
    const length = this.u8();
    if (length !== wholeAddress) throw new PimError('encoding', `a mask of ${length} bits where 32 are expected`);
    return ipv4(this.u32());
  }

  #expectIpv4(): void {
    const [family, encoding] = [this.u8(), this.u8()];
    if (family === ipv4Family && encoding === nativeEncoding) return;
    throw new PimError('encoding', `address family ${family}, encoding ${encoding}, where IPv4 (1, 0) is expected`);
  }

  #advance(length: number): number {
    if (length > this.left) throw new PimError('truncated', `${this.left} octets left where ${length} are expected`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

export const u8 = (value: number): number[] => [value & 0xff];
export const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

export const encodedUnicast = (address: Ipv4): number[] => [ipv4Family, nativeEncoding, ...u32(address)];

export const encodedGroup = (address: Ipv4): number[] => [ipv4Family, nativeEncoding, 0, wholeAddress, ...u32(address)];

export const encodedSource = (address: Ipv4, flags: number): number[] => [
  ipv4Family,
  nativeEncoding,
  flags,
  wholeAddress,
  ...u32(address),
];
