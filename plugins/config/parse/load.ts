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
  /** Settings of the command line. They win over all others. */
  readonly flags?: Flags
  /** Base of relative paths outside a file. */
  readonly cwd?: string
  /** Name of the file in problems. Default: as it was given. */
  readonly called?: string
}

/** Reads the configuration of a gateway that runs by itself: defaults ← file ← environment ← flags. Throws a `ConfigError`. */
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
    // Loaded only when there is a file.
    const { parseYaml } = await import('./yaml.ts')
    assembly.home = dirname(resolve(cwd, name))
    const written = parseYaml(text, shown, env, assembly.problems)
    if (written) assembly.add(written, assembly.home)
  }
  for (const setting of await settingsIn(env, ConfigSchema, assembly.problems)) assembly.set(setting)
  for (const setting of settingsOfFlags(flags, ConfigSchema)) assembly.set(setting)
  return assembly.finish({ listens: true })
}

/** Source of a finished configuration. */
export interface ConfigOrigin {
  /** Place of a value, or of the nearest part around it: `flynn.yaml:4:14`. Empty for values of a host. */
  placeOf(path: string): string
  /** Place of a value itself; undefined for one that was not written. */
  writtenAt(path: string): string | undefined
  /** Folder of the configuration file, else the working directory. */
  readonly home: string
}

/** Marks a finished configuration. Not enumerable: a copy of one, which may have been changed, is parsed as any other input. */
const kOrigin = Symbol('flynn.config')

/** The source of a configuration that was returned by `loadConfig` or `resolveConfig`. */
export function originOf(config: Config): ConfigOrigin {
  return (
    (config as { [kOrigin]?: ConfigOrigin })[kOrigin] ?? { placeOf: () => '', writtenAt: () => undefined, home: process.cwd() }
  )
}

/**
 * Completes the configuration that a host passes to the gateway; one that `loadConfig` has finished is returned as it is.
 * Reads no file and no environment. Throws a `ConfigError`.
 */
export function resolveConfig(input: ConfigInput): Config {
  if ((input as { [kOrigin]?: ConfigOrigin } | null)?.[kOrigin]) return input as Config
  const assembly = new Assembly(process.cwd())
  assembly.add(ofValue(input), assembly.home)
  return assembly.finish({ listens: false })
}

/** Builds one configuration: sources are added, later ones win; the result is a `Config` or all problems. */
class Assembly {
  readonly problems = new Problems()
  readonly #places = new Map<string, string>()
  readonly #cwd: string
  #content: unknown = {}
  /** Base of relative default paths. */
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
    // A missing key has no place: the place of its parent is used.
    const placeOf = (at: string) => [at, ...ancestors(at)].map((known) => this.#places.get(known)).find(Boolean) ?? ''
    const completed = complete(ConfigSchema, this.#content, '', { ...this.#reading(this.home), placeOf }) as Config
    const config = Object.freeze(
      Object.defineProperty({ ...completed }, kOrigin, {
        value: { placeOf, writtenAt: (at: string) => this.#places.get(at), home: this.home }
      })
    )
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

const MISSING = 'the file does not exist'
/** Larger than any configuration. Parsing more would block the gateway. */
const MAX_BYTES = 256 * 1024

/** Reads a regular file; devices and pipes may have no end. */
async function readWhole(path: string): Promise<{ readonly text?: string; readonly fault?: string }> {
  // Opening a pipe for reading would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (stats.isDirectory()) return { fault: 'it is a folder' }
    if (!stats.isFile()) return { fault: 'it is not a regular file' }
    if (stats.size > MAX_BYTES) return { fault: `it is larger than ${MAX_BYTES / 1024} KiB` }
    return { text: await file.readFile('utf8') }
  } finally {
    await file.close()
  }
}

/** The text of the file, or the reason why it cannot be read. */
async function readText(file: string): Promise<{ readonly text?: string; readonly fault?: string }> {
  try {
    return await readWhole(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { fault: code === 'ENOENT' ? MISSING : (code ?? 'unknown error') }
  }
}
