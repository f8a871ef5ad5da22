import { pg } from './drizzle.ts'
import type { sqlite } from './schema.sqlite.ts'
import { type Schema, tables } from './schema.ts'

const { bigint, boolean, customType, index, pgTable, primaryKey, uniqueIndex } = pg()

// Ordered by code points, like SQLite, whatever the locale of the database is.
const text = customType<{ data: string; driverData: string }>({ dataType: () => 'text collate "C"' })
const json = customType<{ data: unknown; driverData: string | null }>({
  dataType: () => 'text',
  toDriver: (value) => (value === null ? null : jsonOf(value)),
  fromDriver: (text) => JSON.parse(text as string)
})
const bytes = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })

/** JSON without NUL, which its functions refuse. A replacer for each value would be slow, so only those that have one take it. */
function jsonOf(value: unknown): string {
  const text = JSON.stringify(value)
  if (!text.includes('\\u0000')) return text
  return JSON.stringify(value, (_, item) => (typeof item === 'string' ? item.replaceAll('\0', '\ufffd') : item))
}

/** Column types of PostgreSQL, with the types of SQLite: both give the same rows. JSON is text in both, so that no value changes its form. */
const postgres = {
  table: pgTable,
  text: (name: string) => text(name),
  integer: (name: string) => bigint(name, { mode: 'number' }),
  boolean: (name: string) => boolean(name),
  serial: (name: string) => bigint(name, { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity(),
  json: (name: string) => json(name),
  bytes: (name: string) => bytes(name),
  index,
  uniqueIndex,
  primaryKey
} as unknown as typeof sqlite

export const schema: Schema = tables(postgres)
// Named one by one, which is how drizzle-kit finds them.
export const {
  sessions,
  messages,
  attachments,
  readMarks,
  runs,
  queue,
  audit,
  memory,
  artifacts,
  presence,
  pairedSenders,
  nodes,
  days,
  sessionDays,
  modelDays,
  tallies,
  contexts,
  outbox,
  cursors,
  deliveries,
  pluginValues,
  pushSubscriptions
} = schema
