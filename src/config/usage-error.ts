/** The command line cannot be understood, or asks for what does not go together. The text names the flag. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
