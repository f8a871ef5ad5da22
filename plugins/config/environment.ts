import type { TSchema } from '@sinclair/typebox'
import { isObject, isRecord, keysOf, nearest, partOf, settingsOf } from './keys.ts'
import type { Problems } from './problems.ts'
import type { Environment } from './yaml.ts'

/** One setting from outside the file: a variable or a flag. */
export interface Setting {
  /** What it is called out there: `FLYNN_SERVER__PORT`. */
  readonly name: string
  readonly path: readonly string[]
  readonly schema: TSchema
  readonly text: string
}

const PREFIX = 'FLYNN_'

/** Short names of what a container is most often told. FLYNN_CONFIG, which names the file, is no setting. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  FLYNN_HOST: ['server', 'host'],
  FLYNN_PORT: ['server', 'port'],
  FLYNN_TOKEN: ['server', 'token']
}

/** What the command line may say of the configuration: `--host`, `--port`. */
export type Flags = { readonly [name in 'host' | 'port']?: string | undefined }

export function settingsOfFlags(flags: Flags, root: TSchema): Setting[] {
  return Object.entries(flags).flatMap(([flag, text]) => {
    const path = ['server', flag]
    return text === undefined ? [] : [{ name: `--${flag}`, path, schema: walk(root, path).schema, text }]
  })
}

/** `server.port` → `FLYNN_SERVER__PORT`. */
export function variableOf(path: readonly string[]): string {
  return PREFIX + path.join('__').toUpperCase()
}

/**
 * Every variable that starts with FLYNN_, as a setting; what stands for no key is a problem. Wide settings come
 * before narrow ones, so that FLYNN_SERVER__PORT wins over a port inside FLYNN_SERVER.
 */
export function settingsIn(env: Environment, root: TSchema, problems: Problems): Setting[] {
  const settings = new Map<string, Setting>()
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || name === 'FLYNN_CONFIG' || text === undefined) continue
    const path = SHORT[name] ?? name.slice(PREFIX.length).toLowerCase().split('__')
    const { schema, known } = walk(root, path)
    const other = settings.get(path.join('.'))
    if (known.length < path.length) problems.add(`${name}:`, undefined, unknown(name, path, root))
    else if (other && other.text !== text)
      problems.add(`${name}:`, path.join('.'), `is also set by ${other.name}, to another value`)
    else settings.set(path.join('.'), { name, path, schema, text })
  }
  return [...settings.values()].sort((one, other) => one.path.length - other.path.length)
}

/** As far along `path` as there are keys: the schema there, and the keys so far. */
function walk(root: TSchema, path: readonly string[]): { schema: TSchema; known: string[] } {
  let schema = root
  const known: string[] = []
  for (const key of path) {
    const part = partOf(schema, key)
    if (!part) break
    schema = part.schema
    known.push(part.name)
  }
  return { schema, known }
}

function unknown(name: string, path: readonly string[], root: TSchema): string {
  const { schema, known } = walk(root, path)
  // A part of a list, say: what can be set is the whole of it.
  const whole = isObject(schema) || isRecord(schema) ? undefined : variableOf(known)
  const rest = path.slice(known.length + 1)
  const siblings = isRecord(schema) ? keysOf(schema).map((key) => [...known, key, ...rest]) : settingsOf(schema, known)
  const guess =
    whole ?? nearest(name, [...Object.keys(SHORT), 'FLYNN_CONFIG', ...[...settingsOf(root), ...siblings].map(variableOf)])
  return `stands for no setting${guess ? `; did you mean ${guess}?` : ''}`
}
