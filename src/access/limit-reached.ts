/** A caller has used up what it is given. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached';

  /**
   * @param limit the name of the flag that sets it, without dashes in front
   * @param retryAfter milliseconds after which it is worth to try again
   * @param isFirst of a run of calls that met the limit, of which only one is written down
   */
  constructor(
    readonly identity: string,
    readonly limit: string,
    readonly retryAfter: number,
    readonly isFirst = true,
  ) {
    super(`${identity} has reached its limit (--${limit}); try again in ${Math.ceil(retryAfter / 1000)} s`);
  }
}
