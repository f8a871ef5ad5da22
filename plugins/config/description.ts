import { createHmac } from 'node:crypto'
import { KindGuard, type TSchema } from '@sinclair/typebox'
import { isFree, isObject, isRecord, recordOf } from './parse/keys.ts'
import { camelCase } from './parse/names.ts'
import { join } from './parse/problems.ts'
import { type Config, ConfigSchema } from './schema.ts'

/** One setting: its value, and the place it comes from. */
export interface Setting {
  /** As the file writes it: `server.port`. */
  readonly path: string
  readonly description: string
  /** Without secrets; null: not set. */
  readonly value: unknown
  /** Null: there is none. */
  readonly default: unknown
  /** `default`, `environment`, `flag`, `file`, or `host` for a value of the program that embeds the gateway. */
  readonly origin: 'default' | 'file' | 'environment' | 'flag' | 'host'
  /** `flynn.yaml:4:9`, `FLYNN_SERVER__PORT`, `--port`; absent for a default. */
  readonly place?: string
  readonly secret: boolean
  readonly needsRestart: boolean
}

type Values = Readonly<Record<string, unknown>>

/**
 * Every setting of a configuration. Records, such as the tiers of models, are walked by the names that the operator chose; lists are one setting.
 * @param shown the same configuration without its secrets
 */
export function describeSettings(config: Config, shown: Values, placeOf: (path: string) => string | undefined): Setting[] {
  const settings: Setting[] = []

  function walk(
    schema: TSchema,
    value: unknown,
    masked: unknown,
    path: string,
    inherited: { secret: boolean; needsRestart: boolean }
  ): void {
    const marks = {
      secret: inherited.secret || schema.secret === true,
      needsRestart: inherited.needsRestart || schema.restart === true
    }
    if (isObject(schema) && (value !== undefined || !KindGuard.IsOptional(schema))) {
      for (const [key, part] of Object.entries(schema.properties)) {
        const name = camelCase(key)
        walk(part, own(value, name), own(masked, name), join(path, key), marks)
      }
      return
    }
    if (isRecord(schema) && !isFree(recordOf(schema).value) && value !== undefined && Object.keys(value as Values).length > 0) {
      for (const name of Object.keys(value as Values)) {
        walk(recordOf(schema).value, own(value, name), own(masked, name), join(path, name), marks)
      }
      return
    }
    const place = placeWithin(path, value, placeOf)
    settings.push({
      path,
      description: String(schema.description ?? ''),
      value: value === undefined ? null : masked,
      default: schema.default ?? null,
      ...sourceOf(place),
      ...marks
    })
  }

  walk(ConfigSchema, config, shown, '', { secret: false, needsRestart: false })
  return settings
}

/** Digest of a configuration, for comparison within this process alone: secrets are part of it. */
export function digestOf(config: Config, key: string): string {
  return createHmac('sha256', key).update(JSON.stringify(config)).digest('base64url')
}

/** Shown values at the paths that change. */
export function valueAt(values: unknown, path: string): unknown {
  let value = values
  for (const key of path.split('.')) value = own(value, key) ?? own(value, camelCase(key))
  return value
}

/** A list written over several lines has the place of its first entry. */
function placeWithin(path: string, value: unknown, placeOf: (path: string) => string | undefined): string | undefined {
  return placeOf(path) ?? (Array.isArray(value) ? placeOf(`${path}[0]`) : undefined)
}

function sourceOf(place: string | undefined): Pick<Setting, 'origin' | 'place'> {
  if (place === undefined) return { origin: 'default' }
  if (place === '') return { origin: 'host' }
  const shown = place.replace(/:$/, '')
  const origin = shown.startsWith('-') ? 'flag' : /^FLYNN_[A-Z0-9_]+$/.test(shown) ? 'environment' : 'file'
  return { origin, place: shown }
}

function own(values: unknown, name: string): unknown {
  return typeof values === 'object' && values !== null && Object.hasOwn(values, name) ? (values as Values)[name] : undefined
}
