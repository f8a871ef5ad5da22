import { KindGuard, type TSchema } from '@sinclair/typebox'
import { ConfigSchema } from '../plugins/config/schema.ts'
import { code, table } from './protocol/markdown.ts'

/** One key of the configuration. */
export interface Key {
  /** As the documentation writes it: `server.tokens[].name`, `models.<tier>.<provider>.model`. */
  readonly path: string
  readonly schema: TSchema
  readonly needsRestart: boolean
}

/** Placeholders for the keys that an operator chooses, by the path of their record. */
const CHOSEN: Readonly<Record<string, string>> = {
  'tools.mcp': 'server',
  'tools.mcp.<server>.env': 'variable',
  'tools.mcp.<server>.headers': 'header',
  models: 'tier',
  'models.<tier>': 'provider',
  'models.<tier>.<provider>.headers': 'header',
  'models.<tier>.<provider>.parameters': 'member',
  'lanes.channels': 'frontend',
  'server.nodes.feature_gates': 'capability',
  'pairing.channels': 'channel',
  'plugins[].options': 'option',
  webhooks: 'name'
}

/** Every key of the configuration, in the order of the schema. */
export function keys(schema: TSchema = ConfigSchema, path = '', restart = false): Key[] {
  const needsRestart = restart || schema.restart === true
  if (KindGuard.IsObject(schema)) {
    return Object.entries(schema.properties).flatMap(([key, part]) =>
      keys(part, path === '' ? key : `${path}.${key}`, needsRestart)
    )
  }
  const self = { path, schema, needsRestart }
  if (KindGuard.IsRecord(schema)) {
    const [value] = Object.values(schema.patternProperties) as [TSchema]
    const inside = keys(value, `${path}.<${CHOSEN[path] ?? 'key'}>`, needsRestart)
    return schema.names ? inside : [self, ...inside]
  }
  return KindGuard.IsArray(schema) && KindGuard.IsObject(schema.items)
    ? [self, ...keys(schema.items, `${path}[]`, needsRestart)]
    : [self]
}

/** The keys as Markdown tables, one for each section. */
export function configTables(): string {
  const sections = Map.groupBy(keys(), ({ path }) => /^\w+/.exec(path)![0])
  return [...sections].map(([section, rows]) => `### ${section}\n\n${sectionTable(rows)}`).join('\n\n')
}

function sectionTable(rows: readonly Key[]): string {
  return table(
    ['key', 'default', 'description', 'reload'],
    rows.map(({ path, schema, needsRestart }) => [
      code(path),
      schema.default === undefined ? '–' : code(JSON.stringify(schema.default)),
      String(schema.description ?? ''),
      needsRestart ? 'restart' : 'live'
    ])
  )
}
