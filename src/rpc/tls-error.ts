/** Something wrong with one of the files of TLS. */
export interface TlsProblem {
  /** Such as `--tls-cert`. */
  readonly flag: TlsFlag;
  readonly file: string;
  /** What it is, to be read behind the name of the file. */
  readonly problem: string;
}

export type TlsFlag = '--tls-cert' | '--tls-key' | '--tls-client-ca';

/** The files of TLS cannot be used. The text names flag, file and reason of each problem. */
export class TlsError extends Error {
  override readonly name = 'TlsError';

  constructor(readonly problems: readonly TlsProblem[]) {
    super(problems.map(({flag, file, problem}) => `${flag}: ${file} ${problem}`).join('; '));
  }
}
