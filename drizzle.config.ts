import { defineConfig } from 'drizzle-kit'

/** For `drizzle-kit generate --name <what changed>`; the gateway itself never reads this file. */
export default defineConfig({
  dialect: 'sqlite',
  schema: './db/schema.sqlite.ts',
  out: './db/migrations/sqlite'
})
