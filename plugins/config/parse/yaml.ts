import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLParseError,
  type YAMLSeq,
  type YAMLWarning
} from 'yaml'
import { ConfigError, type Problems } from './problems.ts'
import type { Entry, Written } from './source-node.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Parses the text of a file called `name`. Variables (`${NAME}`) are substituted; `$${` stands for a literal `${`. Returns undefined
 * when the text is not YAML; problems then say why.
 */
export function parseYaml(text: string, name: string, env: Environment, problems: Problems): Written | undefined {
  const lines = new LineCounter()
  // Duplicate keys are found later, by `read`: it knows that `auth_http` and `authHttp` are the same key.
  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
    resolveKnownTags: false
  })
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${name}:${line}:${col}`
  }
  for (const error of [...doc.errors, ...doc.warnings]) problems.add(placeOf(error.pos[0]), '', textOf(error))
  if (doc.errors.length + doc.warnings.length > 0) return undefined
  let left = MAX_VALUES
  const count = () => {
    if (left-- <= 0) throw new ConfigError([`${name}: has more than ${MAX_VALUES} values, including those behind aliases`])
  }
  return written(doc.contents, { targets: targetsOf(doc), env, placeOf, above: `${name}:1:1`, count })
}

/** Values of one file. Aliases of aliases make millions of a few lines. */
const MAX_VALUES = 20_000

/** Target of each alias: the last anchor of its name before it. Found in one pass; the library would search for each alias. */
function targetsOf(doc: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>()
  const targets = new Map<Alias, Node>()
  visit(doc, {
    Alias(_, alias) {
      const target = anchors.get(alias.source)
      if (target) targets.set(alias, target)
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node)
    }
  })
  return targets
}

function textOf({ code, message }: YAMLParseError | YAMLWarning): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document starts here; the configuration must be a single document'
  // These two quote the text that they failed at, which may be half a secret.
  return code === 'UNEXPECTED_TOKEN' || code === 'TAG_RESOLVE_FAILED'
    ? message.replace(/: .*$/s, '').replace(/!\S+/, '!…')
    : message
}

interface Source {
  readonly targets: ReadonlyMap<Alias, Node>
  readonly env: Environment
  /** Character offset → `flynn.yaml:4:14`. */
  placeOf(offset: number): string
  /** Place of the parent, used for a missing value. */
  readonly above: string
  /** Counts a value. @throws ConfigError when there are too many */
  count(): void
}

function written(node: Node | null | undefined, source: Source): Written {
  source.count()
  const offset = node?.range?.[0]
  const place = offset === undefined ? source.above : source.placeOf(offset)
  if (isAlias(node)) {
    const target = source.targets.get(node)
    return target
      ? written(target, source)
      : { kind: 'fault', place, fault: 'starts with * and refers to an anchor that is not defined: put it in quotes' }
  }
  if (isMap<Node, Node | null>(node)) return { kind: 'map', place, entries: entriesOf(node, { ...source, above: place }) }
  if (isSeq<Node>(node)) return { kind: 'list', place, items: itemsOf(node, source) }
  const value = isScalar(node) ? node.value : null
  return typeof value === 'string' && value.includes('${')
    ? substitute(value, place, source.env)
    : { kind: 'scalar', place, value }
}

function* entriesOf(map: YAMLMap<Node, Node | null>, source: Source): Iterable<Entry> {
  for (const { key, value } of map.items) {
    const place = key.range ? source.placeOf(key.range[0]) : source.above
    yield { key: String(isScalar(key) ? key.value : key), place, value: written(value, { ...source, above: place }) }
  }
}

function* itemsOf(list: YAMLSeq<Node>, source: Source): Iterable<Written> {
  for (const item of list.items) yield written(item, source)
}

/** Substitutes variables. The result is not scanned again: a variable may contain `${`. */
function substitute(value: string, place: string, env: Environment): Written {
  const used: string[] = []
  const faults: string[] = []
  const text = value.replace(/\$\$\{|\$\{([^}]*)\}?/g, (reference: string, name: string | undefined) => {
    if (reference === '$${') return '${'
    if (name === undefined || !/^[A-Za-z_]\w*$/.test(name) || !reference.endsWith('}')) {
      faults.push(`has a \${ that starts no \${VARIABLE}: write $\${ for a literal \${`)
      return ''
    }
    const content = Object.hasOwn(env, name) ? env[name] : undefined
    if (content === undefined) faults.push(`uses \${${name}}, but the environment variable ${name} is not set`)
    used.push(reference)
    return content ?? ''
  })
  if (faults.length > 0) return { kind: 'fault', place, fault: [...new Set(faults)].join('; ') }
  return used.length > 0 ? { kind: 'text', place, text, from: used.join('') } : { kind: 'scalar', place, value: text }
}
