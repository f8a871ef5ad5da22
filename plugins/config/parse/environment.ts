import { readFile } from 'node:fs/promises'
import type { TSchema } from '@sinclair/typebox'
import { isObject, isRecord, keysOf, nearest, partOf, settingsOf } from './keys.ts'
import type { Problems } from './problems.ts'
import type { Environment } from './yaml.ts'

/** Setting from a variable or a flag. */
export interface Setting {
  /** Name of the variable or flag: `FLYNN_SERVER__PORT`. */
  readonly name: string
  readonly path: readonly string[]
  readonly schema: TSchema
  readonly text: string
  /** Variable whose file the text is from; such a text is never shown. */
  readonly from?: string
}

const PREFIX = 'FLYNN_'
/** `FLYNN_TOKEN_FILE` names a file that holds the value of FLYNN_TOKEN, as containers mount secrets. */
const FILE = '_FILE'

/** Short names of the most common settings. FLYNN_CONFIG, which names the file, is not a setting. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  FLYNN_HOST: ['server', 'host'],
  FLYNN_PORT: ['server', 'port'],
  FLYNN_TOKEN: ['server', 'token']
}

/** Flags of the command line that are settings. */
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
 * Settings of all variables that start with FLYNN_; one that stands for no key is a problem. Wide settings come before narrow ones, so
 * that FLYNN_SERVER__PORT wins over a port inside FLYNN_SERVER.
 */
export async function settingsIn(env: Environment, root: TSchema, problems: Problems): Promise<Setting[]> {
  const settings = new Map<string, Setting>()
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || name === 'FLYNN_CONFIG' || text === undefined) continue
    const setting = isFile(name, root)
      ? await contentOf(name, text, env, root, problems)
      : { name, text, ...targetOf(name, root) }
    if (!setting) continue
    const { path, known } = setting
    const other = settings.get(path.join('.'))
    if (known.length < path.length) problems.add(`${name}:`, undefined, unknown(name, path, root))
    else if (other && other.text !== setting.text)
      problems.add(`${name}:`, path.join('.'), `is also set by ${other.name}, to another value`)
    else settings.set(path.join('.'), setting)
  }
  return [...settings.values()].sort((one, other) => one.path.length - other.path.length)
}

/** Path of a variable, and as much of it as exists. */
function targetOf(name: string, root: TSchema): { path: readonly string[]; schema: TSchema; known: readonly string[] } {
  const path = SHORT[name] ?? name.slice(PREFIX.length).toLowerCase().split('__')
  return { path, ...walk(root, path) }
}

/** True for the `_FILE` form of a variable. A key may end like that itself: `docker.compose_file`. */
function isFile(name: string, root: TSchema): boolean {
  const isKey = (variable: string) => {
    const { path, known } = targetOf(variable, root)
    return known.length === path.length
  }
  return name.endsWith(FILE) && !isKey(name) && isKey(name.slice(0, -FILE.length))
}

/** Setting from a file; undefined when it cannot be used. The problem shows neither path nor content. */
async function contentOf(name: string, file: string, env: Environment, root: TSchema, problems: Problems) {
  const variable = name.slice(0, -FILE.length)
  const target = targetOf(variable, root)
  const at = target.path.join('.')
  if (env[variable] !== undefined) {
    problems.add(`${name}:`, at, `is also set by ${variable}: set only one of the two`)
    return undefined
  }
  try {
    const text = (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
    return { name, text, from: name, ...target }
  } catch (error) {
    problems.add(`${name}:`, at, `names a file that cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`)
    return undefined
  }
}

/** Follows `path` as far as there are keys: the schema reached, and its keys. */
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
  // A part of a list: only the whole list can be set.
  const whole = isObject(schema) || isRecord(schema) ? undefined : variableOf(known)
  const rest = path.slice(known.length + 1)
  const siblings = isRecord(schema) ? keysOf(schema).map((key) => [...known, key, ...rest]) : settingsOf(schema, known)
  const guess =
    whole ?? nearest(name, [...Object.keys(SHORT), 'FLYNN_CONFIG', ...[...settingsOf(root), ...siblings].map(variableOf)])
  return `stands for no setting${guess ? `; did you mean ${guess}?` : ''}`
}
