import {accessSync, constants} from 'node:fs';
import {resolve} from 'node:path';

const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A sentence that names the programs, or paths of programs, that this machine lacks; `undefined` where it has them all. */
export function missingPrograms(names: readonly string[]): string | undefined {
  const missing = names.filter(name => !folders.some(folder => executable(resolve(folder, name))));
  if (missing.length === 0) return undefined;
  return `not installed: ${missing.join(', ')} (as root, node scripts/setup.mjs --lab installs what is missing)`;
}
