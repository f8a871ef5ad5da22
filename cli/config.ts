import { dirname, resolve } from 'node:path'
import type { TSchema } from '@sinclair/typebox'
import { isList, isObject, isRecord, recordOf } from '../plugins/config/parse/keys.ts'
import { resolveConfig } from '../plugins/config/parse/load.ts'
import { camelCase } from '../plugins/config/parse/names.ts'
import { join } from '../plugins/config/parse/problems.ts'
import { maskerOf, shownConfig } from '../plugins/config/redaction.ts'
import { type Config, ConfigSchema } from '../plugins/config/schema.ts'
import { ConfigSource } from '../plugins/config/source.ts'
import { EXIT, UsageError } from './exit.ts'
import { fileExists } from './files.ts'
import { print, say } from './output.ts'

const WHAT = ['check', 'print', 'diff'] as const

/** Checks or prints the configuration as a gateway would read it now. Needs no running gateway, and never shows a secret. */
export async function config(
  what: string,
  flags: { readonly config?: string; readonly json?: true },
  env: NodeJS.ProcessEnv
): Promise<number> {
  if (!WHAT.includes(what as 'check')) throw new UsageError(`config takes one of ${WHAT.join(', ')}`)
  const source = new ConfigSource({ file: flags.config, env })
  const loaded = await source.load()
  const hasFile = await fileExists(source.file)
  if (what === 'check') say(`The configuration is valid: ${hasFile ? source.file : 'no file, the defaults'} and the environment.`)
  else if (what === 'print') await printAll(loaded, flags.json)
  else printDifferences(loaded, hasFile ? dirname(source.file) : process.cwd(), flags.json)
  return EXIT.ok
}

async function printAll(loaded: Config, json: true | undefined): Promise<void> {
  const all = shown(loaded)
  const { stringify } = await import('yaml')
  print(json ? JSON.stringify(all, null, 2) : stringify(inFileNames(ConfigSchema, all), { lineWidth: 0 }).trimEnd())
}

/** `home` is the base of relative default paths. */
function printDifferences(loaded: Config, home: string, json: true | undefined): void {
  const defaults = resolveConfig({
    dataDir: resolve(home, 'data'),
    docker: { composeFile: resolve(home, 'docker-compose.yml') }
  })
  const before = settingsOf(inFileNames(ConfigSchema, shown(defaults)))
  const after = settingsOf(inFileNames(ConfigSchema, shown(loaded)))
  const differences = [...new Set([...before.keys(), ...after.keys()])]
    .map((path) => ({ path, default: before.get(path), value: after.get(path) }))
    .filter((one) => JSON.stringify(one.default) !== JSON.stringify(one.value))
  if (json) print(JSON.stringify(differences, null, 2))
  else for (const { path, default: was, value } of differences) print(`${path}: ${textOf(was)} → ${textOf(value)}`)
  if (differences.length === 0) say('No differences from the defaults.')
}

function shown(loaded: Config): Record<string, unknown> {
  const masker = maskerOf(loaded)
  return shownConfig(loaded, (text) => masker.mask(text).text)
}

function textOf(value: unknown): string {
  return value === undefined ? '–' : JSON.stringify(value)
}

/** The value with keys as the file writes them; chosen names stay. */
function inFileNames(schema: TSchema, value: unknown): unknown {
  if (isList(schema)) return (value as unknown[]).map((item) => inFileNames(schema.items, item))
  if (isRecord(schema)) {
    const part = recordOf(schema).value
    return Object.fromEntries(Object.entries(value as object).map(([name, content]) => [name, inFileNames(part, content)]))
  }
  if (!isObject(schema)) return value
  const given = value as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(schema.properties).flatMap(([key, part]) => {
      const content = given[camelCase(key)]
      return content === undefined ? [] : [[key, inFileNames(part, content)]]
    })
  )
}

/** Values by their paths, lists as a whole. */
function settingsOf(value: unknown, path = ''): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map([[path, value]])
  return new Map(Object.entries(value).flatMap(([key, part]) => [...settingsOf(part, join(path, key))]))
}
