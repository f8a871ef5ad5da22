import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify from 'fastify'
import gateway from '../../app.ts'
import type { GatewayInstance } from '../../plugins/define.ts'
import type { AnyMethod, EventMap } from '../../rpc/define.ts'
import { RUN_EVENTS } from '../../rpc/schemas/agent.ts'

type Schema = Readonly<Record<string, unknown>>
/** Use of a value. A field of params may be undefined, which JSON leaves out. */
type Use = 'params' | 'result'

export const TYPES_FILE = new URL('../../rpc/client/methods.ts', import.meta.url)

/** rpc/client/methods.ts, as a gateway with nothing configured has it. */
export async function clientTypesText(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flynn-client-'))
  const host = Fastify()
  try {
    await host.register(gateway, { config: { data_dir: folder } })
    await host.ready()
    return clientTypes(host.gateway.rpc.list(), extensionEvents(host.gateway))
  } finally {
    await host.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function extensionEvents({ rpc }: GatewayInstance): EventMap {
  return Object.fromEntries(rpc.events().map(({ name, data }) => [name, data]))
}

/** Types of methods and events as TypeScript without imports: light for those who compile against it. */
export function clientTypes(methods: readonly AnyMethod[], extension: EventMap): string {
  const entries = [...methods]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, summary, params, result, events = {} }) => {
      const lines = [
        `params: ${typeOf(params, 'params', 2)}`,
        `result: ${typeOf(result, 'result', 2)}`,
        `events: ${eventsOf(events)}`
      ]
      return `${comment(summary, 1)}  '${name}': {\n${lines.map((line) => `    ${line}\n`).join('')}  }`
    })
  return `// Generated from the definitions of the gateway by \`npm run docs\`. Do not edit.

/** Methods of the gateway: params, result and events. A plugin adds its own by augmentation. */
export interface GatewayMethods {
${entries.join('\n')}
}

/** Events of a run, by name. */
export interface RunEvents ${eventMap(RUN_EVENTS, 0)}

/** Extension events, which a client asks for by listening to them. A plugin adds its own by augmentation. */
export interface GatewayEvents ${eventMap(extension, 0)}
`
}

function eventsOf(events: EventMap): string {
  if (Object.keys(events).length === 0) return 'Record<never, never>'
  return events === RUN_EVENTS ? 'RunEvents' : eventMap(events, 2)
}

function eventMap(events: EventMap, depth: number): string {
  const lines = Object.entries(events).map(([name, schema]) => {
    const written = /^\w+$/.test(name) ? name : `'${name}'`
    return `${comment(schema.description, depth + 1)}${indent(depth + 1)}${written}: ${typeOf(schema, 'result', depth + 1)}\n`
  })
  return `{\n${lines.join('')}${indent(depth)}}`
}

/** A schema as a type. */
function typeOf(schema: Schema, use: Use, depth: number): string {
  const { type, anyOf, allOf, items, patternProperties } = schema
  if ('const' in schema) return literal(schema.const)
  if (Array.isArray(schema.enum)) return schema.enum.map(literal).join(' | ')
  if (Array.isArray(anyOf)) return [...new Set((anyOf as Schema[]).map((one) => typeOf(one, use, depth)))].join(' | ')
  if (Array.isArray(allOf)) return (allOf as Schema[]).map((one) => typeOf(one, use, depth)).join(' & ')
  if (type === 'array') return listOf(typeOf((items ?? {}) as Schema, use, depth))
  if (type === 'object' && patternProperties) {
    const [value = {}] = Object.values(patternProperties as Record<string, Schema>)
    return `Record<string, ${typeOf(value, use, depth)}>`
  }
  if (type === 'object') return objectOf(schema, use, depth)
  if (type === 'integer') return 'number'
  return typeof type === 'string' ? type : 'unknown'
}

function listOf(item: string): string {
  return /[|&]/.test(item) && !item.startsWith('{') ? `(${item})[]` : `${item}[]`
}

function objectOf({ properties = {}, required = [], additionalProperties }: Schema, use: Use, depth: number): string {
  const entries = Object.entries(properties as Record<string, Schema>)
  if (entries.length === 0) return additionalProperties === true ? 'Record<string, unknown>' : 'Record<never, never>'
  const lines = entries.map(([name, schema]) => {
    const optional = (required as string[]).includes(name) ? '' : '?'
    const missing = optional && use === 'params' ? ' | undefined' : ''
    const written = /^\w+$/.test(name) ? name : `'${name}'`
    return `${comment(schema.description, depth + 1)}${indent(depth + 1)}${written}${optional}: ${typeOf(schema, use, depth + 1)}${missing}\n`
  })
  return `{\n${lines.join('')}${indent(depth)}}`
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value)
}

function comment(text: unknown, depth: number): string {
  return typeof text === 'string' ? `${indent(depth)}/** ${text.replaceAll('*/', '* /')} */\n` : ''
}

function indent(depth: number): string {
  return '  '.repeat(depth)
}
