import {format} from 'node:util';
import {setLogger} from '@grpc/grpc-js';
import type {Logger} from '../telemetry/logger.js';

/**
 * Sends what grpc-js has to say, about metadata it cannot take for example, through the log: by itself it writes plain
 * text to standard error. For the whole process.
 */
export function logGrpcThrough(log: Logger): void {
  const at =
    (level: string) =>
    (...texts: unknown[]) =>
      log.log(level, 'grpc.message', {text: format(...texts)});
  setLogger({error: at('warn'), info: at('info'), debug: at('debug')});
}
