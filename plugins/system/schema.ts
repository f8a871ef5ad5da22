import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

export const Info = named(
  'Info',
  Type.Object({
    version: Type.String(),
    build: Type.Optional(
      Type.String({ description: 'Id of the build of the pages: it changes with any of their files (extension)' })
    ),
    uptime: Type.Integer({ description: 'Seconds since the gateway started' }),
    connections: Type.Integer({ description: 'Live sockets' }),
    model: Type.Optional(
      Type.Object(
        {
          provider: Type.String(),
          model: Type.String(),
          offline: Type.Boolean({ description: 'No model is configured: the built-in one answers, without a network' })
        },
        { description: 'Default model' }
      )
    )
  })
)

const Limits = Type.Object({
  maxPayloadBytes: Type.Integer({ description: 'A larger frame closes the connection with 1009' }),
  maxNesting: Type.Integer({ description: 'Levels of nesting in the JSON of one frame' }),
  maxValues: Type.Integer({ description: 'Members of objects and elements of arrays in one frame' }),
  maxInFlight: Type.Integer({
    description: 'Requests under way on one connection; past it a request gets error 3. The most a batch holds, too'
  }),
  maxMessageCharacters: Type.Integer({ description: 'Characters of one message. Send longer texts as an attachment' }),
  maxAttachments: Type.Integer({ description: 'Attachments of one message' }),
  maxAttachmentBytes: Type.Integer({ description: 'All attachments of one message together, decoded' }),
  heartbeatSeconds: Type.Integer({ description: 'A peer that misses two pings is terminated' }),
  sendBufferBytes: Type.Integer({
    description: 'Unread bytes past which content events are merged; past four times that, close 1013'
  }),
  runTimeoutSeconds: Type.Integer({ description: 'A longer run is aborted with error 5' }),
  workspaceBytes: Type.Integer({ description: 'Files of one session, from limits.workspace_bytes' }),
  memoryBytes: Type.Integer({ description: 'Texts of one memory namespace, from limits.memory_bytes' }),
  answerBytes: Type.Integer({ description: 'Answer of one run, from limits.answer_bytes' }),
  toolArgsBytes: Type.Integer({ description: 'Arguments of one tool call as JSON, from limits.tool_args_bytes' }),
  toolResultBytes: Type.Integer({ description: 'Text of one tool result, from limits.tool_result_bytes' }),
  toolCallsPerStep: Type.Integer({ description: 'Tool calls of one answer of the model, from limits.tool_calls_per_step' }),
  connections: Type.Integer({ description: 'Open connections, from limits.connections' }),
  connectionsPerAddress: Type.Integer({
    description: 'Open connections of one client address, from limits.connections_per_address'
  }),
  unauthenticatedConnections: Type.Integer({
    description: 'Open connections without a login, from limits.unauthenticated_connections'
  })
})

export const Capabilities = named(
  'Capabilities',
  Type.Object({
    protocol: Type.Object({ version: Type.Integer() }),
    nodes: Type.Object({
      enabled: Type.Boolean(),
      locationEnabled: Type.Boolean(),
      pushEnabled: Type.Boolean(),
      allowedRoles: Type.Array(Type.String()),
      registered: Type.Boolean({ description: 'This connection is a node' }),
      role: Type.Optional(Type.String()),
      nodeId: Type.Optional(Type.String())
    }),
    featureGates: Type.Record(Type.String(), Type.Boolean(), { description: 'By capability: whether nodes may use it' }),
    limits: Type.Optional(Limits)
  })
)

/** Data of the event `shutdown`. */
export const ShutdownEvent = Type.Object({
  graceMs: Type.Integer({ description: 'Milliseconds that runs have left to finish. Then the socket closes with 1001' })
})

export const HelloParams = named(
  'HelloParams',
  Type.Object(
    {
      events: Type.Optional(
        Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64, description: 'Extension events this connection wants' })
      )
    },
    { additionalProperties: false }
  )
)

export const Hello = named(
  'Hello',
  Type.Object({
    protocol: Type.Object({ version: Type.Integer() }),
    version: Type.String({ description: "The gateway's version" }),
    connectionId: Type.String(),
    sessionId: Type.String({ description: 'The session this connection is attached to' }),
    build: Type.Optional(Type.String({ description: 'Id of the build of the pages: it changes with any of their files' })),
    principal: Type.String({
      description: 'Identity behind the credential: `token:<name>`, `tailscale:<login>`, or `local` without a token'
    }),
    scopes: Type.Array(Type.String(), { description: 'Scopes of the credential of this connection' }),
    events: Type.Array(Type.String(), {
      description: 'The extension events this connection now gets: those asked for that exist'
    })
  })
)
