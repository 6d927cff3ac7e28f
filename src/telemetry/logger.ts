import {createLogger as createWinstonLogger, format, type Logger, transports} from 'winston';

export type {Logger};

/** From the gravest to the most talkative. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Times are worth two decimals; where they come from has more, of noise. */
const roundTimes = format(info => {
  for (const [name, value] of Object.entries(info)) {
    if (name.endsWith('_ms') && typeof value === 'number') info[name] = Math.round(value * 100) / 100;
  }
  return info;
});

/** Logs events: the message is a fixed name (`tunnel.up`), the values are fields beside it. One JSON object a line. */
export const createLogger = ({level}: {readonly level: LogLevel}): Logger =>
  createWinstonLogger({
    level,
    format: format.combine(format.timestamp(), format.errors({stack: true}), roundTimes(), format.json()),
    transports: [new transports.Console()],
  });
