import { blob, customType, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from './drizzle.ts'
import { tables } from './schema.ts'

// The builder's own json mode writes the text 'null' for the null of a prepared statement; this one writes NULL.
const jsonText = customType<{ data: unknown; driverData: string | null }>({
  dataType: () => 'text',
  toDriver: (value) => (value === null ? null : JSON.stringify(value)),
  fromDriver: (text) => JSON.parse(text as string)
})

/** Column types of SQLite. Those of other dialects are cast to them. */
export const sqlite = {
  table: sqliteTable,
  text: (name: string) => text(name),
  /** A number without fraction, up to 53 bits. */
  integer: (name: string) => integer(name),
  boolean: (name: string) => integer(name, { mode: 'boolean' }),
  /** Primary key that rises with each row and is never used twice. */
  serial: (name: string) => integer(name).primaryKey({ autoIncrement: true }),
  json: <T>(name: string) => jsonText(name).$type<T>(),
  bytes: (name: string) => blob(name, { mode: 'buffer' }),
  index,
  uniqueIndex,
  primaryKey
}

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
} = tables(sqlite)
