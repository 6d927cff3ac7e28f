import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {projectFolder} from './python.js';

export const readme = readFileSync(join(projectFolder, 'README.md'), 'utf8');

/** The texts of the fenced blocks of a language, in order. */
export const blocks = (language: string): string[] =>
  Array.from(readme.matchAll(/^```(\w*)\n(.*?)^```$/gms))
    .filter(([, found]) => found === language)
    .map(([, , text = '']) => text);

/** The commands of all shell blocks that begin with certain words, with the indented lines that continue them. */
export const commands = (start: string): string[] =>
  blocks('sh')
    .flatMap(block => block.trim().split(/\n(?=\S)/))
    .map(command => command.trim())
    .filter(command => command.startsWith(start));

/** The rows below a table's head, as written. */
export function tableRows(head: string): string[] {
  const [, after] = readme.split(`\n${head}\n`);
  const [, ...rows] = after?.split('\n\n', 1)[0]?.split('\n') ?? [];
  return rows;
}
