/** A program of this host, at the Unix socket; known from the kernel (SO_PEERCRED and SO_PEERGROUPS of unix(7)). */
export interface LocalCaller {
  readonly kind: 'local';
  readonly uid: number;
  /** Its effective group and the supplementary ones, as they were when it connected. */
  readonly gids: readonly number[];
  readonly pid: number;
  /** Name of the program when it connected, from /proc/PID/comm; empty where it was gone by then. */
  readonly program: string;
}

/** Known by a certificate that the CA of callers vouches for. */
export interface CertificateCaller {
  readonly kind: 'certificate';
  /** Which of the certificate's names it is: the first of these that the certificate has. */
  readonly nameKind: 'spiffe' | 'dns' | 'cn';
  /** A SPIFFE ID with its scheme, `spiffe://example.org/controller`; a DNS name in lower case; or a common name. */
  readonly name: string;
}

/** Who has shown nothing: loopback TCP without TLS. */
export interface AnonymousCaller {
  readonly kind: 'anonymous';
}

export type Caller = LocalCaller | CertificateCaller | AnonymousCaller;

export const anonymous: AnonymousCaller = {kind: 'anonymous'};

/**
 * The identity as policies, logs and the audit log write it: `uid:1000`, `spiffe://example.org/controller`,
 * `dns:controller.example.org`, `cn:controller`, `anonymous`. Limits are per identity.
 */
export function identityOf(caller: Caller): string {
  switch (caller.kind) {
    case 'local':
      return `uid:${caller.uid}`;
    case 'certificate':
      return caller.nameKind === 'spiffe' ? caller.name : `${caller.nameKind}:${caller.name}`;
    case 'anonymous':
      return 'anonymous';
  }
}
