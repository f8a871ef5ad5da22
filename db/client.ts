import { join } from 'node:path'
import type { Connection } from './connection.ts'
import { connect } from './sqlite.ts'
import { analyticsStore } from './stores/analytics.ts'
import { artifactStore } from './stores/artifacts.ts'
import { auditStore } from './stores/audit.ts'
import { contextStore } from './stores/contexts.ts'
import { cursorStore } from './stores/cursors.ts'
import { deliveryStore } from './stores/deliveries.ts'
import { memoryStore } from './stores/memory.ts'
import { messageStore } from './stores/messages.ts'
import { modelDayStore } from './stores/model-days.ts'
import { nodeStore } from './stores/nodes.ts'
import { outboxStore } from './stores/outbox.ts'
import { pairingStore } from './stores/pairing.ts'
import { pluginStores } from './stores/plugin-values.ts'
import { presenceStore } from './stores/presence.ts'
import { queueStore } from './stores/queue.ts'
import { runStore } from './stores/runs.ts'
import { searchStore } from './stores/search.ts'
import { sessionStore } from './stores/sessions.ts'
import { subscriptionStore } from './stores/subscriptions.ts'
import type { Db } from './types/index.ts'

export { PluginStoreError } from './plugin-store-error.ts'
export type * from './types/index.ts'

/** Path of the database of a gateway. */
export function databaseIn(dataDir: string): string {
  return join(dataDir, 'flynn.db')
}

/** A SQLite file, or `:memory:`; or the `postgres://` URL of a PostgreSQL database. */
export type DatabaseAddress = { readonly file: string } | { readonly url: string }

/**
 * Opens the database and migrates it to the newest schema.
 * @throws Error with the file and the reason
 */
export async function open(address: DatabaseAddress): Promise<Db> {
  if ('file' in address) return stores(await connect(address.file))
  const { connect: connectPostgres } = await import('./postgres.ts')
  return stores(await connectPostgres(address.url))
}

/**
 * Version of the PostgreSQL server at `url`.
 * @throws Error when the server does not answer
 */
export async function postgresVersion(url: string): Promise<string> {
  const { versionOf } = await import('./postgres-session.ts')
  return await versionOf(url)
}

function stores(connection: Connection): Db {
  return {
    search: searchStore(connection),
    sessions: sessionStore(connection),
    messages: messageStore(connection),
    queue: queueStore(connection),
    runs: runStore(connection),
    audit: auditStore(connection),
    memory: memoryStore(connection),
    contexts: contextStore(connection),
    artifacts: artifactStore(connection),
    analytics: { ...analyticsStore(connection), ...modelDayStore(connection) },
    presence: presenceStore(connection),
    pairing: pairingStore(connection),
    nodes: nodeStore(connection),
    outbox: outboxStore(connection),
    cursors: cursorStore(connection),
    deliveries: deliveryStore(connection),
    subscriptions: subscriptionStore(connection),
    plugin: pluginStores(connection),
    onTime: (listener) => connection.onTime(listener),
    ready: () => connection.probe(),
    assertSameFile: () => connection.assertSameFile(),
    close: () => connection.close()
  }
}
