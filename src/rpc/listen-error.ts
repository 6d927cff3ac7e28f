/** A listener that cannot be had: a bad address, a socket in use, no permission. The text names the flag. */
export class ListenError extends Error {
  override readonly name = 'ListenError';

  constructor(flag: string, problem: string, options?: ErrorOptions) {
    super(`${flag}: ${problem}`, options);
  }
}
