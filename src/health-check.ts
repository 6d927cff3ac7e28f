#!/usr/bin/env node
// Is the daemon behind a socket serving? For what can only run a program to find out: a Dockerfile's HEALTHCHECK, an
// exec probe. Exit code 0: it is; 1: it is not, or the question went wrong (2 is reserved in a HEALTHCHECK).
import {parseArgs} from 'node:util';
import {checkHealth} from './rpc/health-client.js';
import {defaultSocketPath} from './rpc/listen-address.js';

/** Milliseconds. Below what the Dockerfile gives the program as a whole, so that the reason gets printed. */
const patience = 3000;

try {
  const {values} = parseArgs({options: {socket: {type: 'string', default: defaultSocketPath}}});
  const health = await checkHealth(`unix:${values.socket}`, patience);
  console.log(health);
  process.exitCode = health === 'SERVING' ? 0 : 1;
} catch (error) {
  console.error(`health-check: ${(error as Error).message}`);
  process.exitCode = 1;
}
