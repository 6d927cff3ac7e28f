import {Writable} from 'node:stream';
import {createLogger, transports} from 'winston';

export type RecordedLine = Record<string, unknown> & {readonly level: string; readonly message: string};

/** A logger that keeps what it is given. */
export function recordingLogger() {
  const lines: RecordedLine[] = [];
  const stream = new Writable({
    objectMode: true,
    write(line: RecordedLine, _encoding, done) {
      lines.push(line);
      done();
    },
  });
  return {lines, log: createLogger({level: 'debug', transports: [new transports.Stream({stream})]})};
}
