import { Type } from '@sinclair/typebox'
import { Mode } from '../../rpc/schemas/queue.ts'
import { CanvasEvent } from '../canvas/schema.ts'

export const None = Type.Object({}, { additionalProperties: false })

export const Success = Type.Object({ success: Type.Boolean() })

export const Info = Type.Object({
  version: Type.String(),
  uptime: Type.Integer({ description: 'Seconds since the gateway started' }),
  connections: Type.Integer({ description: 'Live sockets' }),
  model: Type.Optional(
    Type.Object(
      {
        provider: Type.String(),
        model: Type.String(),
        offline: Type.Boolean({ description: 'No model is configured: the built-in one answers, without a network' })
      },
      { description: 'Who answers by default' }
    )
  )
})

const Limits = Type.Object({
  maxPayloadBytes: Type.Integer({ description: 'A larger frame closes the connection with 1009' }),
  maxNesting: Type.Integer({ description: 'Levels of JSON' }),
  maxInFlight: Type.Integer({
    description: 'Requests under way on one connection; past it a request gets error 3. The most a batch holds, too'
  }),
  maxMessageCharacters: Type.Integer({ description: 'Characters of one message; what is longer is an attachment' }),
  maxAttachments: Type.Integer({ description: 'Attachments of one message' }),
  maxAttachmentBytes: Type.Integer({ description: 'All attachments of one message together, decoded' }),
  heartbeatSeconds: Type.Integer({ description: 'A peer that misses two pings is terminated' }),
  sendBufferBytes: Type.Integer({
    description: 'Unread bytes past which content events are merged; past four times that, close 1013'
  }),
  runTimeoutSeconds: Type.Integer({ description: 'A longer run is aborted with error 5' })
})

export const Capabilities = Type.Object({
  protocol: Type.Object({ version: Type.Integer() }),
  nodes: Type.Object({
    enabled: Type.Boolean(),
    locationEnabled: Type.Boolean(),
    pushEnabled: Type.Boolean(),
    allowedRoles: Type.Array(Type.String()),
    registered: Type.Boolean({ description: 'Whether this connection is a node' }),
    role: Type.Optional(Type.String()),
    nodeId: Type.Optional(Type.String())
  }),
  featureGates: Type.Record(Type.String(), Type.Boolean(), { description: 'By capability: whether nodes may use it' }),
  limits: Type.Optional(Limits)
})

/** Extension events: sent only to connections that asked for them with `system.hello`. */
export const EXTENSION_EVENTS = {
  accepted: Type.Object({
    messageId: Type.String({ description: 'Names this message in queue.get, queue.cancel and sessions.resume' }),
    position: Type.Integer({ minimum: 0, description: 'How many come first, the run that is under way counting as one' }),
    mode: Mode,
    preview: Type.String({ maxLength: 160, description: 'How its text begins' })
  }),
  canvas: CanvasEvent,
  shutdown: Type.Object({
    graceMs: Type.Integer({ description: 'How long runs still have to finish; then the socket closes with 1001' })
  })
} as const

export const HelloParams = Type.Object(
  {
    events: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64, description: 'Extension events this connection wants' })
    )
  },
  { additionalProperties: false }
)

export const Hello = Type.Object({
  protocol: Type.Object({ version: Type.Integer() }),
  version: Type.String({ description: "The gateway's version" }),
  connectionId: Type.String(),
  sessionId: Type.String({ description: 'The session this connection is attached to' }),
  scopes: Type.Array(Type.String(), { description: 'What the credential of this connection may do' }),
  events: Type.Array(Type.String(), { description: 'The extension events this connection now gets: those asked for that exist' })
})
