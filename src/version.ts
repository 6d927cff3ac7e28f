import {readFileSync} from 'node:fs';

/** The version of the package this program is from. */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
