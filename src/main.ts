#!/usr/bin/env node
import {giveUpPrivileges} from './access/privileges.js';

const args = process.argv.slice(2);
const privilegesKept = giveUpPrivileges(args);
// Not before: the program may have been replaced by itself just now, and all that was loaded until then is loaded twice.
const {run} = await import('./run.js');
await run(args, privilegesKept);
