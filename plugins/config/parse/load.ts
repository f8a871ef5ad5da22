import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Config, type ConfigInput, ConfigSchema } from '../schema.ts'
import { checkExposure, checkProviders, checkWhole, complainTo } from './checks.ts'
import { complete, merge } from './complete.ts'
import { type Flags, type Setting, settingsIn, settingsOfFlags } from './environment.ts'
import { join, Problems } from './problems.ts'
import { type Reading, read } from './read.ts'
import { ofValue, type Written } from './source-node.ts'
import type { Environment } from './yaml.ts'

export const DEFAULT_FILE = 'flynn.yaml'

export interface Sources {
  /** Replaces FLYNN_CONFIG; a file that is named must exist. Without either, `flynn.yaml` is read if there is one. */
  readonly file?: string | undefined
  readonly env: Environment
  /** What the command line says; wins over everything. */
  readonly flags?: Flags
  /** Where relative paths start that do not stand in a file. */
  readonly cwd?: string
  /** What the file is called where something is wrong with it. Absent: as it was named. */
  readonly called?: string
}

/** Gathers the configuration of a gateway that runs by itself: defaults ← file ← environment ← flags. Throws a `ConfigError`. */
export async function loadConfig({ file, env, flags = {}, cwd = process.cwd(), called }: Sources): Promise<Config> {
  const assembly = new Assembly(cwd)
  const named = file ?? (env.FLYNN_CONFIG || undefined)
  const name = named ?? DEFAULT_FILE
  const shown = called ?? name
  const { text, fault } = await readText(resolve(cwd, name))
  if (fault !== undefined && (fault !== MISSING || named !== undefined)) {
    assembly.problems.add(`${shown}:`, '', `cannot be read: ${fault}`)
  }
  if (text !== undefined) {
    // The parser is loaded only by those who have a file.
    const { parseYaml } = await import('./yaml.ts')
    assembly.home = dirname(resolve(cwd, name))
    const written = parseYaml(text, shown, env, assembly.problems)
    if (written) assembly.add(written, assembly.home)
  }
  for (const setting of await settingsIn(env, ConfigSchema, assembly.problems)) assembly.set(setting)
  for (const setting of settingsOfFlags(flags, ConfigSchema)) assembly.set(setting)
  return assembly.finish({ listens: true })
}

/** Marks a finished configuration. Not enumerable: a copy of one, which may have been changed, is parsed as any other input. */
const kFinished = Symbol('flynn.config')

/**
 * Completes the configuration that a host passes to the gateway; one that `loadConfig` has finished is returned as it is.
 * Reads no file and no environment. Throws a `ConfigError`.
 */
export function resolveConfig(input: ConfigInput): Config {
  if ((input as { [kFinished]?: true } | null)?.[kFinished]) return input as Config
  const assembly = new Assembly(process.cwd())
  assembly.add(ofValue(input), assembly.home)
  return assembly.finish({ listens: false })
}

/** One configuration in the making: sources go in, the later ones win, a `Config` or all problems come out. */
class Assembly {
  readonly problems = new Problems()
  readonly #places = new Map<string, string>()
  readonly #cwd: string
  #content: unknown = {}
  /** Where the relative paths among the defaults start. */
  home: string

  constructor(cwd: string) {
    this.#cwd = cwd
    this.home = cwd
  }

  add(written: Written, folder: string): void {
    this.#content = merge(this.#content, read(ConfigSchema, written, '', this.#reading(folder)))
  }

  /** One setting given as text. */
  set({ name, path, schema, text, from }: Setting): void {
    const place = `${name}:`
    const at = path.reduce(join, '')
    const content = read(schema, { kind: 'text', place, text, from }, at, this.#reading(this.#cwd))
    if (content === undefined) return
    const tree = path.reduceRight<unknown>((value, key) => ({ [key]: value }), content)
    this.#content = merge(this.#content, tree)
    for (const above of ancestors(at)) if (!this.#places.has(above)) this.#places.set(above, place)
  }

  finish({ listens }: { listens: boolean }): Config {
    // What is missing was written nowhere: its place is then that of what should have it.
    const placeOf = (at: string) => [at, ...ancestors(at)].map((known) => this.#places.get(known)).find(Boolean) ?? ''
    const completed = complete(ConfigSchema, this.#content, '', { ...this.#reading(this.home), placeOf }) as Config
    const config = Object.freeze(Object.defineProperty({ ...completed }, kFinished, { value: true }))
    const complain = complainTo(this.problems, placeOf)
    checkWhole(config, complain)
    if (listens) {
      checkProviders(config, complain)
      checkExposure(config, complain)
    }
    this.problems.throw()
    return config
  }

  #reading(folder: string): Reading {
    return { problems: this.problems, places: this.#places, resolve: (relative) => resolve(folder, relative) }
  }
}

/** `server.tokens[0].name` → `server.tokens[0]`, `server.tokens`, `server`. */
function ancestors(path: string): string[] {
  const cut = Math.max(path.lastIndexOf('.'), path.lastIndexOf('['))
  return cut < 1 ? [] : [path.slice(0, cut), ...ancestors(path.slice(0, cut))]
}

const MISSING = 'there is no such file'
/** No configuration is as large, and what is larger would keep everybody waiting while it is looked at. */
const MAX_BYTES = 256 * 1024

/** Nothing that has no end, or never begins. */
async function readWhole(path: string): Promise<{ readonly text?: string; readonly fault?: string }> {
  // Whoever opens a pipe for reading waits for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (stats.isDirectory()) return { fault: 'it is a folder' }
    if (!stats.isFile()) return { fault: 'it is no file' }
    if (stats.size > MAX_BYTES) return { fault: `it has more than ${MAX_BYTES / 1024} KiB` }
    return { text: await file.readFile('utf8') }
  } finally {
    await file.close()
  }
}

/** The file's text, or why there is none. */
async function readText(file: string): Promise<{ readonly text?: string; readonly fault?: string }> {
  try {
    return await readWhole(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { fault: code === 'ENOENT' ? MISSING : (code ?? 'unknown error') }
  }
}
