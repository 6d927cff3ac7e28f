import {Writable} from 'node:stream';
import {createLogger, transports} from 'winston';

export type LogLine = Record<string, unknown> & {readonly level: string; readonly message: string};

/** A logger that keeps what it is given. */
export function recordingLog() {
  const lines: LogLine[] = [];
  const stream = new Writable({
    objectMode: true,
    write(line: LogLine, _encoding, done) {
      lines.push(line);
      done();
    },
  });
  return {lines, log: createLogger({level: 'debug', transports: [new transports.Stream({stream})]})};
}
