import type { Schema } from './schema.ts'
import type { DayRow, ModelDay } from './types/analytics.ts'
import type { ArtifactRow } from './types/artifacts.ts'
import type { AuditRow } from './types/audit.ts'
import type { ContextRow } from './types/contexts.ts'
import type { MemoryRow } from './types/memory.ts'
import type { MessageRow } from './types/messages.ts'
import type { NodeRow } from './types/nodes.ts'
import type { PostRow } from './types/outbox.ts'
import type { PairedSender } from './types/pairing.ts'
import type { PresenceRow } from './types/presence.ts'
import type { QueueRow } from './types/queue.ts'
import type { RunRow } from './types/runs.ts'
import type { SessionRow } from './types/sessions.ts'
import type { SubscriptionRow } from './types/subscriptions.ts'

type Stored<Table extends keyof Schema, Hidden extends string = never> = Omit<Schema[Table]['$inferSelect'], Hidden>
type Plain<T> = { -readonly [Key in keyof T]: T[Key] }
type Equal<A, B> = (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false
type Each<T extends readonly true[]> = T

/** Compile-time proof that the rows of the tables are those that `types/` promises to plugins, without the columns named here. */
export type Parity = Each<
  [
    Equal<Stored<'sessions'>, SessionRow>,
    Equal<Stored<'messages', 'tallied'>, Omit<MessageRow, 'attachments'>>,
    Equal<Stored<'runs', 'steps'>, RunRow>,
    Equal<Stored<'queue', 'seq' | 'body'>, QueueRow>,
    Equal<Stored<'audit'>, AuditRow>,
    Equal<Stored<'memory'>, MemoryRow>,
    Equal<Stored<'artifacts'>, ArtifactRow>,
    Equal<Stored<'presence'>, PresenceRow>,
    Equal<Stored<'pairedSenders'>, PairedSender>,
    Equal<Stored<'nodes'>, NodeRow>,
    Equal<Stored<'days'>, DayRow>,
    Equal<Stored<'modelDays'>, ModelDay>,
    Equal<Stored<'contexts', 'sessionId'>, ContextRow>,
    Equal<Stored<'outbox'>, PostRow>,
    Equal<Stored<'pushSubscriptions'>, SubscriptionRow>
  ]
>
