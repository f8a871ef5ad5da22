import { join } from 'node:path'
import type { Connection } from './connection.ts'
import { connect } from './sqlite.ts'
import type { TimeListener } from './stopwatch.ts'
import { type AnalyticsStore, analyticsStore } from './stores/analytics.ts'
import { type ArtifactStore, artifactStore } from './stores/artifacts.ts'
import { type AuditStore, auditStore } from './stores/audit.ts'
import { type ContextStore, contextStore } from './stores/contexts.ts'
import { type CursorStore, cursorStore } from './stores/cursors.ts'
import { type MemoryStore, memoryStore } from './stores/memory.ts'
import { type MessageStore, messageStore } from './stores/messages.ts'
import { type NodeStore, nodeStore } from './stores/nodes.ts'
import { type OutboxStore, outboxStore } from './stores/outbox.ts'
import { type PairingStore, pairingStore } from './stores/pairing.ts'
import { type PresenceStore, presenceStore } from './stores/presence.ts'
import { type QueueStore, queueStore } from './stores/queue.ts'
import { type RunStore, runStore } from './stores/runs.ts'
import { type SessionStore, sessionStore } from './stores/sessions.ts'
import { type SubscriptionStore, subscriptionStore } from './stores/subscriptions.ts'

export type { MessageParts, StoredLocation, StoredPush, StoredReply, StoredStatus } from './schema.sqlite.ts'
export type { AnalyticsStore, PageEnd, SessionActivity } from './stores/analytics.ts'
export type { ArtifactPage, ArtifactRow, NewArtifact } from './stores/artifacts.ts'
export type { AuditQuery, AuditRow, AuditStore } from './stores/audit.ts'
export type { MessageRow, NewMessage, ShownMessage } from './stores/messages.ts'
export type { NodeRow, NodeStore } from './stores/nodes.ts'
export type { NewPost, PostRow } from './stores/outbox.ts'
export type { PairedSender } from './stores/pairing.ts'
export type { PresenceRow } from './stores/presence.ts'
export type { NewQueueRow, QueueEnd, QueueState } from './stores/queue.ts'
export type { RunEnd } from './stores/runs.ts'
export type { SessionRow } from './stores/sessions.ts'
export type { SubscriptionRow, SubscriptionStore } from './stores/subscriptions.ts'

/** The stores over one database. Every call is one statement or one transaction; all times are epoch milliseconds. */
export interface Db {
  readonly sessions: SessionStore
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
  readonly subscriptions: SubscriptionStore
  /** Who is told how long statements and transactions take; one at a time. */
  onTime(listener: TimeListener): void
  /** Settles once a write has gone the whole way; rejects when the database cannot be written to. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** Where a gateway keeps its database. */
export function databaseIn(dataDir: string): string {
  return join(dataDir, 'flynn.db')
}

/**
 * Opens the database and brings it to the newest schema.
 * @param file a path, or `:memory:`
 * @throws Error that names the file and what is wrong with it
 */
export async function open({ file }: { file: string }): Promise<Db> {
  return stores(await connect(file))
}

function stores(connection: Connection): Db {
  return {
    sessions: sessionStore(connection),
    messages: messageStore(connection),
    queue: queueStore(connection),
    runs: runStore(connection),
    audit: auditStore(connection),
    memory: memoryStore(connection),
    contexts: contextStore(connection),
    artifacts: artifactStore(connection),
    analytics: analyticsStore(connection),
    presence: presenceStore(connection),
    pairing: pairingStore(connection),
    nodes: nodeStore(connection),
    outbox: outboxStore(connection),
    cursors: cursorStore(connection),
    subscriptions: subscriptionStore(connection),
    onTime: (listener) => connection.onTime(listener),
    ready: async () => connection.probe(),
    close: async () => connection.close()
  }
}
