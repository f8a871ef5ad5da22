import type { TObject, TSchema } from '@sinclair/typebox'
import type { AnyMethod } from './define.ts'
import { ERRORS } from './errors.ts'
import { EXTENSION_EVENTS } from './schemas/system.ts'

/** OpenRPC 1.x of a set of methods (https://spec.open-rpc.org). Events have no place there: they stand in `x-events`. */
export function openrpc(methods: readonly AnyMethod[], version: string): Record<string, unknown> {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'Flynn gateway',
      version,
      description: 'JSON-RPC over one WebSocket; every method also over HTTP at POST /rpc/<method>.',
      license: { name: 'MIT' }
    },
    methods: methods.map(describe),
    components: {
      errors: Object.fromEntries(
        Object.entries(ERRORS).map(([name, { jsonrpc, code }]) => [name, { code: jsonrpc, message: name, data: { code } }])
      )
    },
    'x-extension-events': EXTENSION_EVENTS
  }
}

function describe({ name, summary, scope, params, result, events, examples = [] }: AnyMethod): Record<string, unknown> {
  return {
    name,
    summary,
    tags: [{ name: name.slice(0, name.indexOf('.')) }],
    paramStructure: 'by-name',
    params: descriptors(params),
    result: { name: 'result', schema: result },
    errors: Object.keys(ERRORS).map((error) => ({ $ref: `#/components/errors/${error}` })),
    examples: examples.map((example: { params: object; result: unknown }, index: number) => ({
      name: `${name} ${index + 1}`,
      params: Object.entries(example.params).map(([key, value]) => ({ name: key, value })),
      result: { name: 'result', value: example.result }
    })),
    'x-scope': scope,
    ...(events ? { 'x-events': events } : {})
  }
}

/** The required params first, as OpenRPC asks. */
function descriptors({ properties, required = [] }: TObject): object[] {
  return Object.entries<TSchema>(properties)
    .map(([name, schema]) => ({
      name,
      required: required.includes(name),
      schema,
      ...(schema.description ? { description: schema.description } : {})
    }))
    .sort((one, other) => Number(other.required) - Number(one.required))
}
