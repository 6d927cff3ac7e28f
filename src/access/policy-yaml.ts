import {Composer, type CST, type Document, isAlias, isNode, isPair, LineCounter, type Node, Parser, visit} from 'yaml';
import type {PolicyFault} from './policy-error.js';

/**
 * A policy needs four. The composer calls itself for each level, and where the stack ends within the compilation of a regular
 * expression V8 does not throw: it ends the process.
 */
const deepest = 16;

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
  const tokens = [...new Parser(lineCounter.addNewLine).parse(text)];
  const tooDeep = tokenBelow(tokens, deepest);
  if (tooDeep) return {root: null, fault, faults: [fault(tooDeep.offset, `nested deeper than ${deepest} levels`)]};
  // Looking for duplicate keys takes time that grows with the square of their number; whoever reads the keys does it.
  const composer = new Composer({lineCounter, prettyErrors: false, uniqueKeys: false, version: '1.2'});
  const [document, next] = [...composer.compose(tokens, true, text.length)];
  if (!document) throw new TypeError('the composer was to make a document of no text too');
  const faults = [
    ...[...document.errors, ...document.warnings].map(({pos, message}) => fault(pos[0], `not YAML: ${message}`)),
    ...(next ? [fault(next.range[0], 'a policy is one document')] : []),
    ...foreignParts(document, text, fault),
  ];
  return {root: isNode(document.contents) ? document.contents : null, fault, faults};
}

/** The first token that lies in more collections than that. Does not call itself, as the composer does: see `deepest`. */
function tokenBelow(tokens: readonly CST.Token[], levels: number): CST.Token | undefined {
  const open = tokens.map(token => ({token, depth: 0}));
  for (let top = open.pop(); top; top = open.pop()) {
    const {token, depth} = top;
    if (depth > levels) return token;
    if (token.type === 'document' && token.value) open.push({token: token.value, depth});
    if (!('items' in token)) continue;
    for (const {key, value} of token.items) {
      for (const child of [key, value]) if (child) open.push({token: child, depth: depth + 1});
    }
  }
  return undefined;
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
