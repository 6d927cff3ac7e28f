import {ServerInterceptingCall, type ServerInterceptor} from '@grpc/grpc-js';

/**
 * Keeps calls from their handlers that are over already: their deadline has passed while the request was still coming, or a
 * second message was refused. By itself grpc-js begins them when the client ends its request, and never tells their end. A
 * stream would stay where streams are kept, with its request, and anybody could have the daemon run out of memory; a change
 * would be made of which the caller has heard that it was refused.
 *
 * Behind an interceptor, even one that does nothing else, grpc-js tells a call nothing more once it is cancelled.
 */
export const dropEndedCalls: ServerInterceptor = (_method, call) => new ServerInterceptingCall(call);
