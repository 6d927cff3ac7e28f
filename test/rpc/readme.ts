import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {projectFolder} from './python.js';

const cells = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cell => cell.trim().replaceAll('\\|', '|'));

/** A document of the project in Markdown, by its path in it. */
export class Document {
  readonly text: string;

  constructor(path: string) {
    this.text = readFileSync(join(projectFolder, path), 'utf8');
  }

  /** The texts of the fenced blocks of a language, in order. */
  blocks(language: string): string[] {
    return Array.from(this.text.matchAll(/^```(\w*)\n(.*?)^```$/gms))
      .filter(([, found]) => found === language)
      .map(([, , text = '']) => text);
  }

  /** The commands of all shell blocks that begin with certain words, with the indented lines that continue them. */
  commands(start: string): string[] {
    return this.blocks('sh')
      .flatMap(block => block.trim().split(/\n(?=\S)/))
      .map(command => command.trim())
      .filter(command => command.startsWith(start));
  }

  /** The rows of all tables whose first column is headed so, as cells. */
  tableRows(head: string): string[][] {
    return Array.from(this.text.matchAll(/(?:^\|.*\n)+/gm), ([table]) => table.trim().split('\n').map(cells))
      .filter(([heads]) => heads?.[0] === head)
      .flatMap(([, , ...rows]) => rows);
  }
}

/** The flags of a command that runs the daemon by `npm start`. */
export const flagsOf = (command: string): string[] =>
  command.split(/[\s\\]+/).filter(word => word.startsWith('--') && word !== '--');
