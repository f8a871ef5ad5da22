import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TSchema } from '@sinclair/typebox'
import Fastify from 'fastify'
import gateway from '../../app.ts'
import type { GatewayInstance } from '../../plugins/define.ts'
import { Capabilities } from '../../plugins/system/schema.ts'
import { HEARTBEAT_SECONDS } from '../../rpc/connection.ts'
import type { AnyMethod, EventDefinition } from '../../rpc/define.ts'
import { CLOSE_CODES } from '../../rpc/documents/closing.ts'
import { type JsonSchema, plain, Schemas } from '../../rpc/documents/schemas.ts'
import { ERRORS } from '../../rpc/errors.ts'
import * as guide from './guide.ts'
import { code, contents, paragraphs } from './markdown.ts'
import { eventText, methodTable, methodText } from './methods.ts'
import { shape } from './shapes.ts'

const ROOT = new URL('./', import.meta.resolve('#package.json'))
export const PROTOCOL_FILE = new URL('docs/protocol.md', ROOT)

const HEAD = `# Protocol

For authors of clients. Generated from the definitions of the gateway by \`npm run docs\`; do not edit. Machine-readable:
\`GET /openrpc.json\`, \`/openapi.json\` and \`/asyncapi.json\` of any running gateway.`

/** The whole of docs/protocol.md, as a gateway with nothing configured has it. */
export async function protocolText(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flynn-docs-'))
  const host = Fastify()
  try {
    await host.register(gateway, { config: { data_dir: folder } })
    await host.ready()
    const body = await bodyOf(host.gateway)
    return `${paragraphs(HEAD, contents(body), body)}\n`
  } finally {
    await host.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function bodyOf(app: GatewayInstance): Promise<string> {
  const methods = app.rpc.list().sort((one, other) => (one.name < other.name ? -1 : 1))
  const schemas = new Schemas()
  const described = methods.map((method) => methodText(method, schemas))
  const events = [...eventsOf(methods, app.rpc.events())].map(([name, { data, by }]) => eventText(name, data, by, schemas))
  const shapes = Object.entries(schemas.components()).map(([name, schema]) => paragraphs(`### ${name}`, shape(schema)))
  return paragraphs(
    guide.connecting(),
    guide.frames(),
    guide.closing(CLOSE_CODES, HEARTBEAT_SECONDS),
    guide.limits(limitsOf(app)),
    guide.errors(errorRows()),
    guide.http(routesOf(app)),
    '## Methods',
    'Extensions are not part of the specification: other gateways that implement it may not have them.',
    methodTable(methods),
    ...described,
    guide.events(),
    ...events,
    '## Shapes',
    ...shapes
  )
}

/** Every event in the order of the methods, with the shapes of its data and the methods that stream it. */
function eventsOf(
  methods: readonly AnyMethod[],
  extensionEvents: readonly EventDefinition[]
): Map<string, { data: TSchema[]; by: string[] }> {
  const events = new Map<string, { data: TSchema[]; by: string[] }>()
  const add = (name: string, schema: TSchema, by: readonly string[]): void => {
    const known = events.get(name) ?? { data: [], by: [] }
    const isNew = !known.data.some((one) => JSON.stringify(one) === JSON.stringify(schema))
    events.set(name, { data: isNew ? [...known.data, schema] : known.data, by: [...known.by, ...by] })
  }
  for (const { name, events = {} } of methods) {
    for (const [event, schema] of Object.entries<TSchema>(events)) add(event, schema, [name])
  }
  for (const { name, data } of extensionEvents) add(name, data, [])
  return events
}

function limitsOf(app: GatewayInstance): string[][] {
  const { limits } = plain(Capabilities).properties as Record<string, JsonSchema>
  const described = limits?.properties as Record<string, JsonSchema>
  const values = Object.entries(app.system.capabilities().limits ?? {})
  return values.map(([name, value]) => [code(name), String(value), String(described[name]?.description ?? '')])
}

function errorRows(): string[][] {
  return Object.entries(ERRORS).map(([name, { code: number, http, jsonrpc, retryable, when }]) => [
    String(number),
    code(name),
    String(http),
    String(jsonrpc),
    retryable ? 'yes' : 'no',
    when
  ])
}

function routesOf(app: GatewayInstance): Array<[string, string]> {
  const { paths } = app.documents.get('openapi').value as { paths: Record<string, Record<string, { summary?: string }>> }
  return Object.entries(paths)
    .filter(([place]) => !place.startsWith('/rpc/'))
    .flatMap(([place, item]) =>
      Object.entries(item).map(([method, { summary = '' }]): [string, string] => [
        code(`${method.toUpperCase()} ${place}`),
        summary
      ])
    )
    .sort(([one], [other]) => (one < other ? -1 : 1))
}
