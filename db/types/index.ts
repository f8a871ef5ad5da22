import type { AnalyticsStore } from './analytics.ts'
import type { ArtifactStore } from './artifacts.ts'
import type { AuditStore } from './audit.ts'
import type { ContextStore } from './contexts.ts'
import type { CursorStore } from './cursors.ts'
import type { DeliveryStore } from './deliveries.ts'
import type { MemoryStore } from './memory.ts'
import type { MessageStore } from './messages.ts'
import type { NodeStore } from './nodes.ts'
import type { OutboxStore } from './outbox.ts'
import type { PairingStore } from './pairing.ts'
import type { PluginStore } from './plugin-values.ts'
import type { PresenceStore } from './presence.ts'
import type { QueueStore } from './queue.ts'
import type { RunStore } from './runs.ts'
import type { SearchStore } from './search.ts'
import type { SessionStore } from './sessions.ts'
import type { SubscriptionStore } from './subscriptions.ts'

export type * from './analytics.ts'
export type * from './artifacts.ts'
export type * from './audit.ts'
export type * from './contexts.ts'
export type * from './cursors.ts'
export type * from './deliveries.ts'
export type * from './memory.ts'
export type * from './messages.ts'
export type * from './nodes.ts'
export type * from './outbox.ts'
export type * from './pairing.ts'
export type * from './plugin-values.ts'
export type * from './presence.ts'
export type * from './queue.ts'
export type * from './runs.ts'
export type * from './search.ts'
export type * from './sessions.ts'
export type * from './subscriptions.ts'

/** `statement`: one statement. `transaction`: a whole one, with its commit; its statements are reported as well. */
export type Timed = 'statement' | 'transaction'

/** Receives the duration of a statement or transaction in seconds, successful or not. Must not throw. */
export type TimeListener = (what: Timed, seconds: number) => void

/** The stores over one database. Every call is one statement or one transaction. All times are epoch milliseconds. */
export interface Db {
  readonly sessions: SessionStore
  readonly search: SearchStore
  readonly messages: MessageStore
  readonly queue: QueueStore
  readonly runs: RunStore
  readonly audit: AuditStore
  readonly memory: MemoryStore
  readonly contexts: ContextStore
  readonly artifacts: ArtifactStore
  readonly analytics: AnalyticsStore
  readonly presence: PresenceStore
  readonly pairing: PairingStore
  readonly nodes: NodeStore
  readonly outbox: OutboxStore
  readonly cursors: CursorStore
  readonly deliveries: DeliveryStore
  readonly subscriptions: SubscriptionStore
  /**
   * Store of a plugin: JSON values in its own namespace.
   * @param name name of the plugin or of its package: `weather`, `@acme/weather`
   * @throws PluginStoreError when the name is not valid
   */
  plugin(name: string): PluginStore
  /** Reports the time that each statement and transaction takes. One listener at a time. */
  onTime(listener: TimeListener): void
  /** Settles after a complete write. Rejects with the reason when nothing can be stored. */
  ready(): Promise<void>
  /** Throws when the database file was deleted or replaced while it is open. Writes nothing. */
  assertSameFile(): void
  close(): Promise<void>
}
