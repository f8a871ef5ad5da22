import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { Confirmation } from '../../rpc/schemas/confirmation.ts'

const oneOf = <const T extends readonly string[]>(words: T, description?: string) =>
  Type.Union(
    words.map((word) => Type.Literal(word as T[number])),
    description === undefined ? {} : { description }
  )

/** Data of the event `session`. */
export const SessionEvent = named(
  'SessionEvent',
  Type.Object({
    sessionId: Type.String(),
    change: oneOf(['created', 'updated', 'deleted'], 'An unknown session that is `updated` is new: its first message came')
  })
)

/** Data of the event `run`. */
export const RunEvent = named(
  'RunEvent',
  Type.Object({
    sessionId: Type.String(),
    runId: Type.String(),
    state: oneOf(['running', 'completed', 'failed', 'cancelled'], '`running` comes again when a message is steered into the run'),
    at: Type.Integer({ description: 'Epoch milliseconds' })
  })
)

/** Data of the event `confirm`. */
export const ConfirmEvent = named(
  'ConfirmEvent',
  Type.Object({
    change: oneOf(['opened', 'closed']),
    approved: Type.Optional(Type.Boolean({ description: 'With `closed`: the tool runs' })),
    confirmation: Confirmation
  })
)

/** Data of the event `node`. */
export const NodeEvent = named(
  'NodeEvent',
  Type.Object({ nodeId: Type.String(), change: oneOf(['registered', 'updated', 'left', 'forgotten']) })
)

/** Data of the event `presence`. */
export const PresenceEvent = named(
  'PresenceEvent',
  Type.Object({
    channel: Type.String(),
    senderId: Type.String(),
    senderName: Type.Union([Type.String(), Type.Null()]),
    lastSeenAt: Type.Integer({ description: 'Epoch milliseconds' })
  })
)

/** Data of the event `pairing`. */
export const PairingEvent = named(
  'PairingEvent',
  Type.Object({
    change: Type.String({
      description:
        '`request`: an unknown sender has written; else the action of the audit log without its group: `generate`, `redeem`, `approve`, `revoke`'
    }),
    channel: Type.String(),
    senderId: Type.Optional(Type.String())
  })
)

/** Data of the event `job`. */
export const JobEvent = named(
  'JobEvent',
  Type.Object({
    target: Type.String({ description: 'Id of the backend or dependency' }),
    action: Type.String(),
    state: oneOf(['running', 'done', 'failed']),
    text: Type.String({ description: 'Current step, result, or reason of the failure' }),
    startedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    endedAt: Type.Optional(Type.Integer({ description: 'Epoch milliseconds' }))
  })
)

/** Data of the event `config`. */
export const ConfigEvent = named(
  'ConfigEvent',
  Type.Object({
    actor: Type.String({ description: 'Id of the caller, or source of the reload' }),
    success: Type.Boolean({ description: 'False: the new configuration was refused, the old one stays in force' }),
    changed: Type.Array(Type.String(), { description: 'Keys that changed' }),
    restartRequired: Type.Array(Type.String(), { description: 'Those that count after a restart only' })
  })
)

/** Data of the event `audit`. */
export const AuditEvent = named(
  'AuditEvent',
  Type.Object({
    at: Type.Integer({ description: 'Epoch milliseconds' }),
    event: Type.String({ description: '`<group>.<action>`' }),
    actor: Type.String(),
    detail: Type.Record(Type.String(), Type.Unknown())
  })
)

/** Data of the event `lost`. */
export const LostEvent = Type.Object({
  kinds: Type.Array(Type.String(), { description: 'Kinds of which events were left out: load their lists again' })
})
