import type {ServerOptions} from '@grpc/grpc-js';

/**
 * What one connection may take of the daemon. Requests are small: the largest honest one, a spec with thousands of
 * groups, is some tens of kilobytes. Header blocks are held by Node's HTTP/2 defaults: 64 KiB and 128 fields.
 */
export const serverOptions: ServerOptions = {
  'grpc.max_receive_message_length': 1024 * 1024,
  'grpc.max_concurrent_streams': 128,
  // Megabytes. Without it grpc-js lifts Node's limit altogether.
  'grpc-node.max_session_memory': 16,
  // A connection whose other end has vanished, or never spoke HTTP/2, is gone after 80 s.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  // Bookkeeping for a service that is not offered.
  'grpc.enable_channelz': 0,
};
