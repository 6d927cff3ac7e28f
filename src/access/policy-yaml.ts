import {type Document, isAlias, isNode, isPair, LineCounter, type Node, parseDocument, visit} from 'yaml';
import type {PolicyFault} from './policy-error.js';

/** YAML that is read, with what is wrong with it as YAML. */
export interface YamlText {
  readonly root: Node | null;
  /** A mistake at an offset of the text, or at a node. */
  fault(place: Node | number, text: string): PolicyFault;
  readonly faults: readonly PolicyFault[];
}

/**
 * Reads the part of YAML 1.2 that policies are written in: lists, mappings and scalars. Anchors, aliases, tags, directives and
 * further documents are mistakes here. They make a text say something else than it seems to, or grow beyond bounds when they
 * are resolved, and a policy needs none of them; merge keys are not of YAML 1.2.
 */
export function readYaml(text: string): YamlText {
  const lineCounter = new LineCounter();
  const fault = (place: Node | number, reason: string): PolicyFault => {
    const {line, col: column} = lineCounter.linePos(typeof place === 'number' ? place : (place.range?.[0] ?? 0));
    // Of an empty text, which has no lines.
    return {line: Math.max(line, 1), column: Math.max(column, 1), text: reason};
  };
  try {
    // Looking for duplicate keys takes the parser time that grows with the square of their number; whoever reads keys does it.
    const document = parseDocument(text, {lineCounter, prettyErrors: false, uniqueKeys: false, version: '1.2'});
    const faults = [
      ...[...document.errors, ...document.warnings].map(({pos, message}) => fault(pos[0], words(message))),
      ...foreignParts(document, text, fault),
    ];
    return {root: isNode(document.contents) ? document.contents : null, fault, faults};
  } catch (error) {
    // The parser calls itself for each level.
    if (!(error instanceof RangeError)) throw error;
    return {root: null, fault, faults: [{text: 'lists and mappings are nested too deep'}]};
  }
}

function foreignParts(document: Document, text: string, fault: YamlText['fault']): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const directive = /^\uFEFF?%/mu.exec(text);
  const [start = 0] = document.range ?? [];
  if (directive && directive.index < start) faults.push(fault(directive.index, 'a policy has no directives'));
  visit(document, (_key, part) => {
    if (!isNode(part) || isPair(part)) return;
    if (isAlias(part)) faults.push(fault(part, `a policy has no aliases: *${part.source}; in quotes it is text`));
    else if (part.anchor) faults.push(fault(part, `a policy has no anchors: &${part.anchor}`));
    else if (part.tag) faults.push(fault(part, `a policy has no tags: ${part.tag}`));
  });
  return faults;
}

/** Some of the parser's sentences are for programmers. */
const words = (message: string): string => {
  const [sentence = ''] = message.split('; please use');
  return `not YAML: ${sentence}`;
};
