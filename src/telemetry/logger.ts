import {createLogger as createWinstonLogger, format, type Logger, transports} from 'winston';

export type {Logger};

/** From the gravest to the most talkative. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Logs events: the message is a fixed name (`tunnel.up`), the values are fields beside it. One JSON object a line. */
export const createLogger = ({level}: {readonly level: LogLevel}): Logger =>
  createWinstonLogger({
    level,
    format: format.combine(format.timestamp(), format.errors({stack: true}), format.json()),
    transports: [new transports.Console()],
  });
