import {isMap, isNode, isScalar, isSeq, type Node, type Scalar, type YAMLMap} from 'yaml';
import {slotNames, strategies} from '../services/strategies.js';
import type {ServiceType} from '../services/tunnel-spec.js';
import type {Binding} from './bound-policy.js';
import {parsePattern} from './identity-pattern.js';
import {type Role, roles} from './policy.js';
import type {PolicyFault} from './policy-error.js';
import {readYaml, type YamlText} from './policy-yaml.js';

/** As the API has them, without SERVICE_TYPE_ in front. */
const serviceNames: Readonly<Record<ServiceType, string>> = {
  ibrl: 'IBRL',
  ibrlWithAllocatedIp: 'IBRL_WITH_ALLOCATED_IP',
  edgeFiltering: 'EDGE_FILTERING',
  multicast: 'MULTICAST',
};
const services = new Map(Object.entries(serviceNames).map(([type, name]) => [name, type as ServiceType]));

const example = 'bindings: [{role: viewer, identities: ["uid:1000"]}]';

export interface ParsedPolicy {
  readonly bindings: readonly Binding[];
  /** All that is wrong, in the order of the text; nothing may be made of the bindings where there is something. */
  readonly faults: readonly PolicyFault[];
}

/** Reads the text of a policy; docs/remote-controllers.md says what may stand in it. */
export function parsePolicy(text: string): ParsedPolicy {
  const yaml = readYaml(text);
  // What the rest of a text means that is no YAML can only be guessed.
  return yaml.faults.length > 0 ? {bindings: [], faults: yaml.faults} : new PolicyParser(yaml).parse();
}

class PolicyParser {
  readonly #faults: PolicyFault[] = [];
  readonly #yaml: YamlText;

  constructor(yaml: YamlText) {
    this.#yaml = yaml;
  }

  parse(): ParsedPolicy {
    const {root} = this.#yaml;
    const bindings: Binding[] = [];
    if (!isMap(root)) this.#fault(root ?? 0, `a policy is a mapping such as ${example}`);
    else {
      const settings = this.#settings(root, 'a policy', ['bindings']);
      for (const item of this.#list(root, settings, 'bindings')) {
        const binding = this.#binding(item);
        if (binding) bindings.push(binding);
      }
    }
    return {bindings, faults: this.#faults.sort(inOrder)};
  }

  #binding(item: Node): Binding | undefined {
    if (!isMap(item)) return this.#fault(item, 'a binding is a mapping with role and identities');
    const settings = this.#settings(item, 'a binding', ['role', 'identities', 'services', 'interfaces']);
    const role = this.#role(item, settings);
    const identities = this.#set(item, settings, 'identities', text => {
      const parsed = parsePattern(text);
      return 'fault' in parsed ? parsed : {value: parsed.pattern};
    });
    const narrowed = {
      services: this.#narrowing(item, settings, 'services', role, name => services.get(name), [...services.keys()]),
      interfaces: this.#narrowing(
        item,
        settings,
        'interfaces',
        role,
        name => slotNames.find(slot => slot === name),
        slotNames,
      ),
    };
    if (!role) return undefined;
    const binding = {role, identities: [...identities], ...narrowed};
    if (coversNothing(binding)) {
      this.#fault(item, 'none of the services has one of the interfaces, so this binding is for no tunnel');
    }
    return binding;
  }

  #role(binding: YAMLMap, settings: Settings): Role | undefined {
    const node = settings.get('role');
    if (!node) return this.#fault(binding, 'role is missing');
    const role = roles.find(name => isScalar(node) && name === node.value);
    return role ?? this.#fault(node, `${shown(node)} is no role: it must be ${roles.join(' or ')}`);
  }

  /** `undefined` where the binding does not have it, since an empty set is no tunnel and none is all of them. */
  #narrowing<T extends string>(
    binding: YAMLMap,
    settings: Settings,
    name: 'services' | 'interfaces',
    role: Role | undefined,
    find: (text: string) => T | undefined,
    known: readonly string[],
  ): ReadonlySet<T> | undefined {
    const node = settings.get(name);
    if (!node) return undefined;
    if (role === 'viewer') return this.#fault(node, `${name} narrow an operator; a viewer sees everything`);
    return this.#set(binding, settings, name, text => {
      const value = find(text);
      return value === undefined ? {fault: `${JSON.stringify(text)} is none of ${known.join(', ')}`} : {value};
    });
  }

  #set<T extends string>(
    owner: YAMLMap,
    settings: Settings,
    name: string,
    parse: (text: string) => {readonly value: T} | {readonly fault: string},
  ): ReadonlySet<T> {
    const found = new Set<T>();
    for (const item of this.#list(owner, settings, name)) {
      if (!isScalar(item) || typeof item.value !== 'string') {
        this.#fault(item, `${shown(item)} is not text: put it in quotes, without white space behind the colon`);
        continue;
      }
      const parsed = parse(item.value);
      if ('fault' in parsed) this.#fault(item, parsed.fault);
      else if (found.has(parsed.value)) this.#fault(item, `${JSON.stringify(item.value)} is in this list twice`);
      else found.add(parsed.value);
    }
    return found;
  }

  #list(owner: YAMLMap, settings: Settings, name: string): Node[] {
    const node = settings.get(name);
    if (!node) this.#fault(owner, `${name} is missing`);
    else if (!isSeq(node)) this.#fault(node, `${name} must be a list`);
    else if (node.items.length === 0) this.#fault(node, `${name} is an empty list`);
    else return node.items.filter(isNode);
    return [];
  }

  #settings(map: YAMLMap, what: string, known: readonly string[]): Settings {
    const settings = new Map<string, Node>();
    for (const {key, value} of map.items) {
      const at = isNode(key) ? key : map;
      const name = isScalar(key) ? String(key.value) : '';
      if (!known.includes(name)) this.#fault(at, `${shown(at)} is no setting of ${what}; known: ${known.join(', ')}`);
      // YAML forbids it, and readers that let the last one win would have the first one say nothing.
      else if (settings.has(name)) this.#fault(at, `${name} is there twice`);
      else settings.set(name, isNode(value) ? value : at);
    }
    return settings;
  }

  #fault(place: Node | number, text: string): undefined {
    this.#faults.push(this.#yaml.fault(place, text));
  }
}

const inOrder = (a: PolicyFault, b: PolicyFault): number =>
  (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);

type Settings = ReadonlyMap<string, Node>;

function coversNothing({services, interfaces}: Binding): boolean {
  if (!services?.size || !interfaces?.size) return false;
  return ![...services].some(type => interfaces.has(strategies[type].interfaceName));
}

/** Short, and on one line: texts of others end up in logs. */
function shown(node: Node): string {
  if (isSeq(node)) return 'a list';
  return isScalar(node) ? JSON.stringify((node as Scalar).value) : 'a mapping';
}
