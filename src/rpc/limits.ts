import type {ServerOptions} from '@grpc/grpc-js';
import type {Limits} from '../config/limits.js';

/** What one connection may take of the daemon. Header blocks are held by Node's HTTP/2 defaults: 64 KiB and 128 fields. */
export const serverOptions = ({streams, messageSize, idle}: Limits): ServerOptions => ({
  'grpc.max_receive_message_length': messageSize,
  'grpc.max_concurrent_streams': streams,
  'grpc.max_connection_idle_ms': idle,
  // Megabytes. Without it grpc-js lifts Node's limit altogether.
  'grpc-node.max_session_memory': 16,
  // A connection whose other end has vanished is gone after 20 s, and so is one that nghttp2 reads no more, which it does
  // with floods: whether its other end is there can be told by nothing else.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // Bookkeeping for a service that is not offered.
  'grpc.enable_channelz': 0,
});
