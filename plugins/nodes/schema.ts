import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { CAPABILITY } from '../../rpc/schemas/capability.ts'

/** The roles, capabilities and protocol of companion nodes. */
export const NODE_PROTOCOL = 1
/** Companion devices that the gateway remembers, and that may be connected at once. */
export const MAX_NODES = 1000
/** Capabilities that one node may declare. */
const MAX_CAPABILITIES = 64
/** Characters of all descriptions and argument schemas of one node, as JSON. They are kept, and shown to models. */
export const MAX_DESCRIBED_CHARACTERS = 32 * 1024
const MAX_DESCRIPTION = 500
/** Calls of one node that may wait for its answer at once. */
export const MAX_CALLS = 16
/** Milliseconds that a call waits for its answer, by default and at most. */
export const CALL_TIMEOUT_MS = 30_000
const MAX_CALL_TIMEOUT_MS = 120_000
/** Characters of the arguments or of the output of one call, as JSON. */
export const MAX_CALL_CHARACTERS = 1024 * 1024

export const NodeId = named(
  'NodeId',
  Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$',
    expected: 'a name of 1 to 128 letters, digits and . _ : @ -',
    description: 'Names a device, and stays the same when it comes back'
  })
)

export const Capability = Type.String(CAPABILITY)

const Role = Type.String({ minLength: 1, maxLength: 64, description: 'One of server.nodes.allowed_roles' })

/** Neither control characters nor line separators, which would forge lines of a log, nor halves of surrogate pairs. */
const line = (maxLength: number, description: string) =>
  Type.String({
    maxLength,
    pattern: String.raw`^(?:[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])*$`,
    expected: `one line of at most ${maxLength} characters, none of them control characters`,
    description
  })

/** Epoch milliseconds that a JavaScript date can hold. */
const Time = (description: string) => Type.Integer({ minimum: 0, maximum: 8.64e15, description })

const described = {
  name: Capability,
  description: Type.Optional(line(MAX_DESCRIPTION, 'Effect of the capability, for people and models')),
  params: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'JSON Schema of its arguments, an object. node.invoke checks them before it asks the node'
    })
  )
}

/** A capability and how to use it. */
export const CapabilityDetails = named('CapabilityDetails', Type.Object(described, { additionalProperties: false }))

export const RegisterParams = named(
  'RegisterParams',
  Type.Object(
    {
      nodeId: NodeId,
      role: Role,
      protocolVersion: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'The newest that the node speaks' }),
      capabilities: Type.Array(
        Type.Union([Capability, CapabilityDetails], {
          expected: `${CAPABILITY.expected}, or {name, description, params} with a description of one line, at most ${MAX_DESCRIPTION} characters`
        }),
        {
          maxItems: MAX_CAPABILITIES,
          description: `Capabilities of the node, as names or with a description and a schema of the arguments (extension). Descriptions and schemas have at most ${MAX_DESCRIBED_CHARACTERS} characters together`
        }
      )
    },
    { additionalProperties: false }
  )
)

const Node = Type.Object({ id: Type.String(), role: Type.String() })

const NegotiatedCapabilities = Type.Object({
  declared: Type.Array(Type.String()),
  enabled: Type.Array(Type.String(), { description: 'Those declared whose feature gate is open' }),
  details: Type.Optional(
    Type.Array(Type.Object(described), { description: 'Those declared with a description or a schema of the arguments' })
  )
})

const negotiated = {
  node: Node,
  protocol: Type.Object({
    serverVersion: Type.Integer(),
    clientVersion: Type.Integer(),
    negotiatedVersion: Type.Integer({ description: 'The lower one of both' })
  }),
  capabilities: NegotiatedCapabilities
}

export const Registered = named('Registered', Type.Object({ registered: Type.Literal(true), ...negotiated }))
export const Negotiated = named('Negotiated', Type.Object(negotiated))

const location = {
  latitude: Type.Number({ minimum: -90, maximum: 90, description: 'Degrees' }),
  longitude: Type.Number({ minimum: -180, maximum: 180, description: 'Degrees' }),
  accuracyMeters: Type.Optional(Type.Number({ minimum: 0, maximum: 100_000_000 })),
  source: Type.Optional(line(64, 'Source of the position: gps, wifi, …'))
}

export const LocationParams = named(
  'LocationParams',
  Type.Object(
    { ...location, capturedAt: Type.Optional(Time('Epoch milliseconds. Default: when it is received')) },
    { additionalProperties: false }
  )
)

export const Location = named(
  'Location',
  Type.Object({
    ...location,
    capturedAt: Type.Integer({ description: "Epoch milliseconds, by the node's clock" }),
    receivedAt: Type.Integer({ description: 'Epoch milliseconds' })
  })
)

export const LocationSet = named('LocationSet', Type.Object({ updated: Type.Literal(true), node: Node, location: Location }))
export const LocationGot = named(
  'LocationGot',
  Type.Object({
    node: Node,
    location: Type.Union([Location, Type.Null()], { description: 'null: none was ever set' })
  })
)

const status = {
  platform: Type.Optional(line(64, 'macos, ios, android, …')),
  appVersion: Type.Optional(line(64, 'Of the companion app')),
  deviceName: Type.Optional(line(128, 'Name that the owner gave the device')),
  statusText: Type.Optional(line(256, 'Current activity, for people')),
  batteryPct: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
  powerSource: Type.Optional(line(32, 'battery, ac, …'))
}

/** Replaces what was published before. */
export const StatusParams = named('StatusParams', Type.Object(status, { additionalProperties: false }))
export const Status = named('Status', Type.Object({ ...status, updatedAt: Type.Integer({ description: 'Epoch milliseconds' }) }))
export const StatusSet = named('StatusSet', Type.Object({ updated: Type.Literal(true), node: Node, status: Status }))

const provider = Type.Union([Type.Literal('apns'), Type.Literal('fcm')])
const environment = Type.Union([Type.Literal('production'), Type.Literal('sandbox')], {
  description: 'Which of the two services of APNs the token belongs to'
})
const topic = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9.-]{0,154}$',
  expected: 'a bundle id such as com.example.app',
  description: 'Bundle id of the app; APNs only'
})

export const PushTokenParams = named(
  'PushTokenParams',
  Type.Object(
    {
      provider,
      // The format is checked separately, so that an error about a token does not quote it.
      token: Type.String({ maxLength: 4096, description: 'As the device got it from APNs (in hex) or FCM' }),
      environment: Type.Optional(environment),
      topic: Type.Optional(topic)
    },
    { additionalProperties: false }
  )
)

/** A push token as it may be shown. */
export const PushToken = named(
  'PushToken',
  Type.Object({
    provider,
    tokenPreview: Type.String({ description: 'Its first and last four characters; *** when it cannot be read' }),
    environment: Type.Optional(environment),
    topic: Type.Optional(topic),
    readable: Type.Boolean({
      description: 'False: it was encrypted with another server.secret_key, or was tampered with; the node has to set it again'
    }),
    updatedAt: Type.Integer({ description: 'Epoch milliseconds' })
  })
)
export const PushTokenSet = named('PushTokenSet', Type.Object({ updated: Type.Literal(true), node: Node, push: PushToken }))

const connected = Type.Boolean({ description: 'It is registered now' })

/** `data` goes to APNs or FCM beside reserved names of theirs. */
export const PushParams = named(
  'PushParams',
  Type.Object(
    {
      nodeId: NodeId,
      title: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
      body: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
      data: Type.Optional(
        Type.Record(
          Type.String({ pattern: '^(?!(aps|from|message_type)$|google|gcm)[A-Za-z0-9_.-]{1,64}$' }),
          Type.String({ maxLength: 4096 }),
          {
            additionalProperties: false,
            maxProperties: 64,
            expected: 'texts by name; aps, from, message_type and what begins with google or gcm are taken',
            description: 'For the app; without title and body it is woken in the background'
          }
        )
      )
    },
    { additionalProperties: false }
  )
)

export const Pushed = named(
  'Pushed',
  Type.Object({
    nodeId: Type.String(),
    provider,
    delivered: Type.Boolean({ description: 'The service has accepted it' }),
    messageId: Type.Optional(Type.String({ description: 'Id that the service gave it' })),
    reason: Type.Optional(Type.String({ description: "Why it was not delivered, in the service's words" })),
    tokenRemoved: Type.Optional(Type.Boolean({ description: 'The service has no such device any more' })),
    retryable: Type.Optional(Type.Boolean()),
    retryAfterMs: Type.Optional(Type.Integer())
  })
)

export const Locations = named(
  'Locations',
  Type.Object({
    locations: Type.Array(Type.Object({ node: Node, connected, location: Location }), { description: 'Newest first' })
  })
)

export const NodesParams = named(
  'NodesParams',
  Type.Object(
    {
      includeOffline: Type.Optional(
        Type.Boolean({ default: false, description: 'Also nodes that are not connected (extension)' })
      )
    },
    { additionalProperties: false }
  )
)

export const NodeList = named(
  'NodeList',
  Type.Object({
    nodes: Type.Array(
      Type.Object({
        id: Type.String(),
        role: Type.String(),
        connected,
        owner: Type.String({ description: 'Principal whose credential registered it first' }),
        seenAt: Type.Integer({ description: 'Time of its last registration or report, epoch milliseconds' }),
        connectionId: Type.Optional(Type.String({ description: 'Absent, as the next two, unless it is connected' })),
        registeredAt: Type.Optional(Type.Integer({ description: 'Epoch milliseconds' })),
        protocol: Type.Optional(negotiated.protocol),
        capabilities: Type.Optional(NegotiatedCapabilities),
        location: Type.Union([Location, Type.Null()]),
        status: Type.Union([Status, Type.Null()]),
        push: Type.Union([PushToken, Type.Null()])
      }),
      { description: 'By id' }
    )
  })
)

export const ForgetParams = named('ForgetParams', Type.Object({ nodeId: NodeId }, { additionalProperties: false }))

export const Forgotten = named(
  'Forgotten',
  Type.Object({
    nodeId: Type.String(),
    forgotten: Type.Literal(true),
    disconnected: Type.Boolean({ description: 'It was connected: its connection is closed with 1008' })
  })
)

const Args = Type.Record(Type.String(), Type.Unknown(), { description: 'Arguments of the capability; at most 1 MiB as JSON' })

export const InvokeParams = named(
  'InvokeParams',
  Type.Object(
    {
      nodeId: NodeId,
      capability: Capability,
      args: Type.Optional(Args),
      timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_CALL_TIMEOUT_MS, default: CALL_TIMEOUT_MS }))
    },
    { additionalProperties: false }
  )
)

const CallId = Type.String({ minLength: 1, maxLength: 64, description: 'As the invoke event says it' })

/** Answer of a node: `output` when `ok`, else `error`. */
export const Invoked = named(
  'Invoked',
  Type.Object({
    nodeId: Type.String(),
    capability: Type.String(),
    callId: Type.String(),
    ok: Type.Boolean(),
    output: Type.Optional(Type.Unknown()),
    error: Type.Optional(Type.String())
  })
)

export const ResultParams = named(
  'ResultParams',
  Type.Object(
    {
      callId: CallId,
      ok: Type.Boolean(),
      output: Type.Optional(Type.Unknown({ description: 'Any JSON, at most 1 MiB; only when ok' })),
      error: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: 'Why not; only when not ok' }))
    },
    { additionalProperties: false }
  )
)

/** Sent to a node as an event of the `node.register` that declared the capability; no `system.hello` is needed. */
export const NODE_EVENTS = {
  invoke: Type.Object({
    callId: Type.String({ description: 'To be answered once with node.result' }),
    capability: Type.String(),
    args: Args
  })
}
