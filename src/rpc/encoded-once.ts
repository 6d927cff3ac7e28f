/**
 * Encodes each message object once, however often it is sent; for messages that are never changed once they are made.
 *
 * Encoding makes buffers outside the heap, and those are what a server under load spends its time collecting.
 */
export function encodedOnce<Message>(encode: (message: Message) => Buffer): (message: Message) => Buffer {
  const known = new WeakMap<Message & object, Buffer>();
  return message => {
    if (typeof message !== 'object' || message === null) return encode(message);
    const found = known.get(message);
    if (found !== undefined) return found;
    const bytes = encode(message);
    known.set(message, bytes);
    return bytes;
  };
}
