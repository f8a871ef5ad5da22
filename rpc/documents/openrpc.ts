import type { TObject, TSchema } from '@sinclair/typebox'
import type { AnyMethod } from '../define.ts'
import { ERRORS } from '../errors.ts'
import { type Described, groupOf, HOST, LICENSE } from './described.ts'
import { errorsOf } from './errors.ts'
import { type JsonSchema, Schemas } from './schemas.ts'

/** OpenRPC 1.x of the methods (https://spec.open-rpc.org). Events have no place there: they stand in `x-events`. */
export function openrpc({ methods, events, version, mount }: Described): Record<string, unknown> {
  const schemas = new Schemas()
  const described = methods.map((method) => describe(method, schemas))
  const extensionEvents = schemasOf(Object.fromEntries(events.map(({ name, data }) => [name, data])), schemas)
  return {
    openrpc: '1.3.2',
    info: {
      title: 'Flynn gateway',
      version,
      description: 'JSON-RPC over one WebSocket; every method also over HTTP at POST /rpc/<method>, see /openapi.json.',
      license: LICENSE
    },
    servers: [server('ws', 'WebSocket', mount), server('wss', 'WebSocket over TLS', mount)],
    methods: described,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas.components()).map(([name, schema]) => [name, titled(name, schema)])),
      errors: Object.fromEntries(
        Object.entries(ERRORS).map(([name, { jsonrpc, code }]) => [name, { code: jsonrpc, message: name, data: { code } }])
      )
    },
    'x-extension-events': extensionEvents
  }
}

function server(protocol: string, name: string, mount: string): object {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: OpenRPC writes its variables so
  return { name, url: [protocol, '://', '${host}', mount || '/'].join(''), variables: { host: HOST } }
}

function describe(method: AnyMethod, schemas: Schemas): Record<string, unknown> {
  const { name, summary, scope, params, result, events, extension, examples = [] } = method
  return {
    name,
    summary,
    tags: [{ name: groupOf(name) }],
    paramStructure: 'by-name',
    params: descriptors(name, params, schemas),
    result: { name: 'result', schema: titled(typeName(name, 'result'), schemas.of(result)) },
    errors: errorsOf(method).map((error) => ({ $ref: `#/components/errors/${error}` })),
    examples: examples.map((example: { params: object; result: unknown }, index: number) => ({
      name: `${name} ${index + 1}`,
      params: Object.entries(example.params).map(([key, value]) => ({ name: key, value })),
      result: { name: 'result', value: example.result }
    })),
    'x-scope': scope,
    ...(extension ? { 'x-extension': true } : {}),
    ...(events ? { 'x-events': schemasOf(events, schemas) } : {})
  }
}

function schemasOf(events: Readonly<Record<string, TSchema>>, schemas: Schemas): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(events).map(([event, schema]) => [event, schemas.of(schema)]))
}

/** The required params first, as OpenRPC asks. */
function descriptors(method: string, { properties, required = [] }: TObject, schemas: Schemas): object[] {
  return Object.entries<TSchema>(properties)
    .map(([name, schema]) => ({
      name,
      required: required.includes(name),
      schema: titled(typeName(method, name), schemas.of(schema)),
      ...(schema.description ? { description: schema.description } : {})
    }))
    .sort((one, other) => Number(other.required) - Number(one.required))
}

/** Generators of clients name their types by titles. A reference has the title of its target. */
function titled(title: string, schema: JsonSchema): JsonSchema {
  return '$ref' in schema ? schema : { title, ...schema }
}

/** `node.push_token.set`, `token` → `NodePushTokenSetToken`. */
function typeName(method: string, part: string): string {
  const words = `${method}.${part}`.split(/[._]/)
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}
