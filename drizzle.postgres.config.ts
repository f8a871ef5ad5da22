import { defineConfig } from 'drizzle-kit'

/** The same for PostgreSQL: `drizzle-kit generate --config drizzle.postgres.config.ts --name <what changed>`. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './db/schema.postgres.ts',
  out: './db/migrations/postgres'
})
