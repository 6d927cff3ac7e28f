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

const cells = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cell => cell.trim().replaceAll('\\|', '|'));

/** The rows of all tables whose first column is headed so, as cells. */
export const tableRows = (head: string): string[][] =>
  Array.from(readme.matchAll(/(?:^\|.*\n)+/gm), ([table]) => table.trim().split('\n').map(cells))
    .filter(([heads]) => heads?.[0] === head)
    .flatMap(([, , ...rows]) => rows);
