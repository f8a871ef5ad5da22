import type { TSchema } from '@sinclair/typebox'
import { HEARTBEAT_SECONDS } from '../connection.ts'
import type { AnyMethod, EventDefinition } from '../define.ts'
import { CLOSE_CODES } from './closing.ts'
import { type Described, groupOf, HOST, LICENSE, type Shown } from './described.ts'
import { type FrameSchemas, frameSchemas, NATIVE_ID, ORIGIN, TRACEPARENT } from './frames.ts'
import { type JsonSchema, Schemas } from './schemas.ts'

const DESCRIPTION = `One socket, two dialects, decided per frame: a frame with a member \`jsonrpc\` speaks JSON-RPC 2.0, any other the native dialect,
\`{id, method, params}\`. Each request is answered by its events, in order, and then by one result or one error, all under its id.
Requests of one connection run side by side.

The operations are named from the gateway's side, as AsyncAPI asks: it *receives* requests and *sends* events. Those of the native
dialect are described one by one. In JSON-RPC 2.0 the same methods have the same params and results; events come as the notification
\`event\`, whose params are the native frame; notifications (no id, no answer) and batches work.

The gateway pings every ${HEARTBEAT_SECONDS} seconds, and ends the connection of a peer that misses two; a WebSocket library answers pings by itself. Limits
are reported by \`system.capabilities\`.`

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: '`Authorization: Bearer <token>` on the upgrade' },
  subprotocol: {
    type: 'httpApiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: 'For browsers, which can set no header: the subprotocols `flynn.v1` and `bearer.<base64url of the token>`'
  },
  cookie: {
    type: 'httpApiKey',
    in: 'cookie',
    name: 'flynn_session',
    description: 'The session of a browser that has signed in at `POST /auth/session`'
  }
}

const STRICT_ID: JsonSchema = { type: ['integer', 'string', 'null'] }
const VERSION: JsonSchema = { const: '2.0' }

const CORRELATION = { correlationId: { $ref: '#/components/correlationIds/request' } }

interface Message {
  readonly name: string
  readonly payload: object
  readonly [more: string]: unknown
}

/** AsyncAPI 3.0 of the socket (https://www.asyncapi.com/docs/reference/specification/v3.0.0). */
export function asyncapi({ methods, events: extensionEvents, version, mount }: Described): Record<string, unknown> {
  const schemas = new Schemas()
  const extensionNames = new Set(extensionEvents.map(({ name }) => name))
  const frames = frameSchemas(schemas, extensionNames)
  const events = eventsOf(methods, extensionEvents)
  const messages: Message[] = [
    ...methods.flatMap((method) => [request(method, schemas), result(method, frames)]),
    ...[...events].map(([name, data]) => event(name, data, { frames, isExtension: extensionNames.has(name) })),
    { ...message('error', 'A request failed', frames.error(nullable(NATIVE_ID))), ...CORRELATION },
    ...strictMessages(frames)
  ]
  const server = {
    host: '{host}',
    pathname: mount || '/',
    variables: { host: HOST },
    security: references('securitySchemes', SECURITY_SCHEMES)
  }
  return {
    asyncapi: '3.0.0',
    info: { title: 'Flynn gateway', version, description: DESCRIPTION, license: LICENSE },
    defaultContentType: 'application/json',
    servers: { ws: { protocol: 'ws', ...server }, wss: { protocol: 'wss', ...server } },
    channels: {
      socket: {
        address: '/',
        title: 'The socket',
        description: 'Frames are text, one JSON value each.',
        messages: Object.fromEntries(messages.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
        'x-close-codes': CLOSE_CODES.map(({ code, when }) => ({ code, when })),
        'x-heartbeat-seconds': HEARTBEAT_SECONDS
      }
    },
    operations: {
      ...Object.fromEntries(methods.map((method) => [method.name, call(method)])),
      ...Object.fromEntries([...events.keys()].map((name) => [`event.${name}`, told(name, methods)])),
      'jsonrpc.call': {
        action: 'receive',
        summary: 'Any method, in JSON-RPC 2.0, alone or several in a batch',
        ...via(['jsonrpc.request']),
        reply: via(['jsonrpc.result', 'jsonrpc.error', 'jsonrpc.batch'])
      },
      'jsonrpc.event': { action: 'send', summary: 'Any event, in JSON-RPC 2.0', ...via(['jsonrpc.event']) }
    },
    components: {
      // Each payload is a schema with a name: generators call its type by it.
      messages: Object.fromEntries(
        messages.map((one) => [one.name, { ...one, payload: { $ref: `#/components/schemas/${one.name}` } }])
      ),
      schemas: { ...schemas.components(), ...Object.fromEntries(messages.map(({ name, payload }) => [name, payload])) },
      correlationIds: { request: { description: 'The id of the request', location: '$message.payload#/id' } },
      securitySchemes: SECURITY_SCHEMES
    }
  }
}

/** Every event there is, with the distinct shapes that methods give it. */
function eventsOf(methods: readonly AnyMethod[], extensionEvents: readonly EventDefinition[]): Map<string, TSchema[]> {
  const events = new Map<string, TSchema[]>()
  const ofMethods = methods.flatMap(({ events = {} }) => Object.entries<TSchema>(events))
  const ofRegistry = extensionEvents.map(({ name, data }) => [name, data] as const)
  for (const [name, schema] of [...ofMethods, ...ofRegistry]) {
    const known = events.get(name) ?? []
    const text = JSON.stringify(schema)
    if (!known.some((one) => JSON.stringify(one) === text)) events.set(name, [...known, schema])
  }
  return events
}

function message(name: string, title: string, payload: object): Message {
  return { name, title, contentType: 'application/json', payload }
}

function request({ name, summary, params, examples = [] }: AnyMethod, schemas: Schemas): Message {
  const required = ['id', 'method', ...((params.required ?? []).length > 0 ? ['params'] : [])]
  const properties = { id: NATIVE_ID, method: { const: name }, params: schemas.of(params), traceparent: TRACEPARENT }
  const shown = examples.map(({ params }: Shown) => ({ payload: { id: 1, method: name, params } }))
  return { ...message(`${name}.request`, summary, { type: 'object', required, properties }), ...CORRELATION, ...exampled(shown) }
}

function result({ name, summary, result, examples = [] }: AnyMethod, frames: FrameSchemas): Message {
  const shown = examples.map(({ result }: Shown) => ({ payload: { id: 1, result } }))
  return {
    ...message(`${name}.result`, `Answers: ${summary}`, frames.result(result, NATIVE_ID)),
    ...CORRELATION,
    ...exampled(shown)
  }
}

function event(
  name: string,
  data: readonly TSchema[],
  { frames, isExtension }: { readonly frames: FrameSchemas; readonly isExtension: boolean }
): Message {
  return {
    ...message(`event.${name}`, `The event ${name}`, frames.event(name, data, isExtension ? nullable(NATIVE_ID) : NATIVE_ID)),
    ...(isExtension ? { description: 'Only for a connection that asked for it with `system.hello`.' } : {}),
    ...CORRELATION
  }
}

function exampled(examples: readonly object[]): object {
  return examples.length > 0 ? { examples } : {}
}

function call({ name, summary, scope, events = {}, extension }: AnyMethod): object {
  const replies = [...Object.keys(events).map((event) => `event.${event}`), `${name}.result`, 'error']
  return {
    action: 'receive',
    title: name,
    summary,
    tags: [{ name: groupOf(name) }],
    ...via([`${name}.request`]),
    reply: via(replies),
    'x-scope': scope,
    ...(extension ? { 'x-extension': true } : {})
  }
}

function told(name: string, methods: readonly AnyMethod[]): object {
  const by = methods.filter(({ events = {} }) => name in events).map(({ name }) => name)
  return {
    action: 'send',
    summary: by.length > 0 ? `While these run: ${by.join(', ')}` : 'Asked for with system.hello',
    ...via([`event.${name}`])
  }
}

/** The channel, and those of its messages. */
function via(messages: readonly string[]): object {
  return {
    channel: { $ref: '#/channels/socket' },
    messages: messages.map((name) => ({ $ref: `#/channels/socket/messages/${name}` }))
  }
}

function strictMessages(frames: FrameSchemas): Message[] {
  const { properties } = frames.error(STRICT_ID) as { properties: Record<string, unknown> }
  const one: JsonSchema = {
    type: 'object',
    required: ['jsonrpc', 'method'],
    properties: {
      jsonrpc: VERSION,
      id: { ...STRICT_ID, description: 'Without one it is a notification, and not answered' },
      method: { type: 'string' },
      params: { type: 'object', description: 'As in the native dialect' },
      traceparent: TRACEPARENT
    }
  }
  const success: JsonSchema = {
    type: 'object',
    required: ['jsonrpc', 'id', 'result'],
    properties: { jsonrpc: VERSION, id: STRICT_ID, result: { description: 'As in the native dialect' } }
  }
  const failure: JsonSchema = {
    type: 'object',
    required: ['jsonrpc', 'id', 'error'],
    properties: { jsonrpc: VERSION, ...properties },
    description: "`error.code` is that of JSON-RPC; the specification's is `error.data.code`"
  }
  const notification: JsonSchema = {
    type: 'object',
    required: ['jsonrpc', 'method', 'params'],
    properties: {
      jsonrpc: VERSION,
      method: { const: 'event' },
      params: {
        type: 'object',
        required: ['id', 'event', 'data'],
        properties: { id: STRICT_ID, event: { type: 'string' }, data: {}, ...ORIGIN }
      }
    }
  }
  return [
    message('jsonrpc.request', 'A request, or a batch of them', { oneOf: [one, { type: 'array', minItems: 1, items: one }] }),
    message('jsonrpc.result', 'The result of a request', success),
    message('jsonrpc.error', 'A request failed', failure),
    message('jsonrpc.batch', 'The answers to a batch, in the order they came about', {
      type: 'array',
      items: { oneOf: [success, failure] }
    }),
    message('jsonrpc.event', 'An event of a request', notification)
  ]
}

function nullable({ type, ...schema }: JsonSchema): JsonSchema {
  return { type: [type, 'null'], ...schema }
}

function references(kind: string, named: object): object[] {
  return Object.keys(named).map((name) => ({ $ref: `#/components/${kind}/${name}` }))
}
