import 'reflect-metadata'; // what @peculiar/x509 is built on asks for it, and comes without
import type {webcrypto} from 'node:crypto';
import {chmod, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type {TlsFiles} from '../src/config/tls-files.js';

/** PEM: a certificate, with those of its chain below it, and its private key. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** Such as `CN=controller`; a list where the text of a value would have to be escaped. None where there is none. */
  readonly subject?: string | JsonName;
  readonly names?: JsonGeneralName[];
  /** The names are critical, as where there is no subject. */
  readonly namesAreCritical?: boolean;
  /** What it is for; an empty list: the extension is left out. */
  readonly usages?: readonly ('serverAuth' | 'clientAuth')[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly isCa?: boolean;
  readonly algorithm?: KeyAlgorithm;
  readonly extensions?: readonly Extension[];
}

type KeyAlgorithm = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams;
type CryptoKeyPair = webcrypto.CryptoKeyPair;

export const ecdsa: KeyAlgorithm = {name: 'ECDSA', namedCurve: 'P-256'};
export const rsa = (modulusLength: number): KeyAlgorithm => ({
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: Uint8Array.of(1, 0, 1),
  modulusLength,
});

export const day = 24 * 3600 * 1000;
export const fromNow = (milliseconds: number): Date => new Date(Date.now() + milliseconds);

/** What a client's URI name looks like. */
export const uri = (value: string): JsonGeneralName => ({type: 'url', value});
export const dns = (value: string): JsonGeneralName => ({type: 'dns', value});

/** A certificate authority of the test's own. */
export class TestCa {
  private constructor(
    readonly pem: string,
    readonly name: string,
    readonly keys: CryptoKeyPair,
    private readonly chain: string,
  ) {}

  /** A root. CAs are told apart by their names: those of two tests' CAs may be the same, not of two in one bundle. */
  static async create(name = 'Test CA', options: CertificateOptions = {}): Promise<TestCa> {
    const keys = await newKeys(options.algorithm);
    const subject = `CN=${name}`;
    const pem = await sign({isCa: true, usages: [], subject, ...options}, keys, {name: subject, keys});
    return new TestCa(pem, subject, keys, '');
  }

  /** A CA below this one, whose certificates come with its own. */
  async intermediate(name: string, options: CertificateOptions = {}): Promise<TestCa> {
    const keys = await newKeys(options.algorithm);
    const subject = `CN=${name}`;
    const pem = await sign({isCa: true, usages: [], subject, ...options}, keys, this);
    return new TestCa(pem, subject, keys, pem);
  }

  async issue(options: CertificateOptions): Promise<Issued> {
    const keys = await newKeys(options.algorithm);
    const cert = await sign(options, keys, this);
    return {cert: cert + this.chain, key: await privateKeyPem(keys)};
  }

  /** Its own, for where its certificate is used as a server's or a client's. */
  privateKey(): Promise<string> {
    return privateKeyPem(this.keys);
  }

  /** For a server on loopback. */
  server(options: CertificateOptions = {}): Promise<Issued> {
    const names = [dns('localhost'), ip('127.0.0.1'), ip('::1')];
    return this.issue({subject: 'CN=doublezerod', names, usages: ['serverAuth'], ...options});
  }

  client(options: CertificateOptions = {}): Promise<Issued> {
    return this.issue({usages: ['clientAuth'], ...options});
  }

  /** As SPIRE issues them: no subject, one critical URI, ECDSA, an hour long, for both sides. */
  svid(id: string, options: CertificateOptions = {}): Promise<Issued> {
    const lifetime = {notBefore: fromNow(-10_000), notAfter: fromNow(3600_000)};
    const usages = ['serverAuth', 'clientAuth'] as const;
    return this.issue({names: [uri(id)], namesAreCritical: true, usages, ...lifetime, ...options});
  }
}

/** As a SPIRE server makes its own: the trust domain as its URI. */
export const spireCa = (trustDomain = 'example.org', options: CertificateOptions = {}): Promise<TestCa> =>
  TestCa.create(`SPIRE ${trustDomain}`, {names: [uri(`spiffe://${trustDomain}`)], ...options});

/** Writes the files of `--tls-cert`, `--tls-key` and `--tls-client-ca`, the key for its owner only. */
export async function writeTlsFiles(folder: string, server: Issued, clientCa: string): Promise<TlsFiles> {
  const [cert, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map(name => join(folder, name)) as [string, string, string];
  await writeFile(cert, server.cert);
  await writeFile(key, server.key, {mode: 0o600});
  await chmod(key, 0o600);
  await writeFile(ca, clientCa);
  return {cert, key, clientCa: ca, minVersion: '1.3'};
}

export const ip = (value: string): JsonGeneralName => ({type: 'ip', value});

const newKeys = (algorithm: KeyAlgorithm = ecdsa) =>
  crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;

const privateKeyPem = async ({privateKey}: CryptoKeyPair): Promise<string> =>
  `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY')}\n`;

async function sign(
  options: CertificateOptions,
  {publicKey}: CryptoKeyPair,
  issuer: {readonly name: string; readonly keys: CryptoKeyPair},
): Promise<string> {
  const {subject = '', names = [], usages = [], isCa = false} = options;
  const usage = isCa ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature;
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: issuer.name,
    notBefore: options.notBefore ?? fromNow(-day),
    notAfter: options.notAfter ?? fromNow(365 * day),
    publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: {...issuer.keys.privateKey.algorithm, hash: 'SHA-256'},
    extensions: [
      new BasicConstraintsExtension(isCa, undefined, true),
      new KeyUsagesExtension(usage, true),
      ...(usages.length > 0 ? [new ExtendedKeyUsageExtension(usages.map(name => ExtendedKeyUsage[name]))] : []),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names, options.namesAreCritical)] : []),
      ...(options.extensions ?? []),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}
