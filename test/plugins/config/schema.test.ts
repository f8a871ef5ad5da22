import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import { KindGuard, type TSchema } from '@sinclair/typebox'
import { variableOf } from '../../../plugins/config/parse/environment.ts'
import { settingsOf } from '../../../plugins/config/parse/keys.ts'
import { camelCase } from '../../../plugins/config/parse/names.ts'
import { ConfigSchema } from '../../../plugins/config/schema.ts'

interface Row {
  readonly path: string
  readonly schema: TSchema
}

/** What the keys are that the operator chooses. */
const CHOSEN: Record<string, string> = {
  'tools.mcp': 'server',
  'tools.mcp.<server>.env': 'variable',
  'tools.mcp.<server>.headers': 'header',
  models: 'tier',
  'models.<tier>': 'provider',
  'lanes.channels': 'frontend',
  'server.nodes.feature_gates': 'capability',
  'pairing.channels': 'channel',
  webhooks: 'name'
}

/** Every key, as the README names it: `server.tokens[].name`, `models.<tier>.<provider>.model`. */
function rowsOf(schema: TSchema, path: string): Row[] {
  if (KindGuard.IsObject(schema)) {
    return Object.entries(schema.properties).flatMap(([key, part]) => rowsOf(part, path === '' ? key : `${path}.${key}`))
  }
  const self = { path, schema }
  if (KindGuard.IsRecord(schema)) {
    const inside = rowsOf(Object.values(schema.patternProperties)[0]!, `${path}.<${CHOSEN[path]}>`)
    return schema.names ? inside : [self, ...inside]
  }
  return KindGuard.IsArray(schema) && KindGuard.IsObject(schema.items) ? [self, ...rowsOf(schema.items, `${path}[]`)] : [self]
}

function everySchema(schema: TSchema): TSchema[] {
  const parts = [...Object.values({ ...schema.properties, ...schema.patternProperties }), ...(schema.items ? [schema.items] : [])]
  return [schema, ...(parts as TSchema[]).flatMap(everySchema)]
}

const rows = rowsOf(ConfigSchema, '')

test('the README names every key of the schema, with its default and what it is for', async () => {
  const readme = await readFile(new URL('../../../plugins/config/README.md', import.meta.url), 'utf8')
  const table = readme
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.replace(/ +/g, ' '))
  const expected = rows.map(({ path, schema }) => {
    const preset =
      schema.default === undefined ? '–' : `\`${JSON.stringify(schema.default).replace(/^(.{24}).*?(.)$/, '$1…$2')}\``
    return `| \`${path}\` | ${preset} | ${schema.description} |`
  })
  assert.deepEqual(table, expected)
})

test('every key is described, and no object takes keys that it does not know', () => {
  for (const { path, schema } of rows) assert.match(schema.description ?? '', /\S/, path)
  for (const schema of everySchema(ConfigSchema)) {
    if (schema.type === 'object') assert.equal(schema.additionalProperties, false, schema.description)
    if (schema.type === 'object') assert.equal(typeof schema.description, 'string')
  }
})

test('every number has a range with two ends', () => {
  for (const schema of everySchema(ConfigSchema)) {
    if (schema.type !== 'integer' && schema.type !== 'number') continue
    assert.equal(typeof schema.minimum, 'number', schema.description)
    assert.equal(typeof schema.maximum, 'number', schema.description)
  }
})

test('what is called a key or a token, and all that is handed to MCP servers, is marked secret, and nothing else', () => {
  const secrets = rows.filter(({ schema }) => schema.secret).map(({ path }) => path)
  assert.deepEqual(secrets, [
    'server.token',
    'server.tokens[].token',
    'server.secret_key',
    'server.nodes.push.apns.private_key',
    'server.nodes.push.fcm.private_key',
    'models.<tier>.<provider>.api_key',
    'tools.mcp.<server>.env.<variable>',
    'tools.mcp.<server>.url',
    'tools.mcp.<server>.headers.<header>',
    'webhooks.<name>.secret',
    'gmail.push_token',
    'gmail.client_secret',
    'gmail.refresh_token',
    'teams.app_password',
    'telegram.token',
    'telegram.webhook_secret',
    'google_chat.verification_token',
    'google_chat.private_key',
    'bluebubbles.token',
    'bluebubbles.password'
  ])
})

test('keys are snake_case, and no two of one object are the same in camelCase or as a variable', () => {
  for (const schema of everySchema(ConfigSchema)) {
    const keys = Object.keys(schema.properties ?? {})
    for (const key of keys) assert.match(key, /^[a-z]+(_[a-z]+)*$/)
    assert.equal(new Set(keys.map(camelCase)).size, keys.length)
  }
  const variables = settingsOf(ConfigSchema).map(variableOf)
  assert.equal(new Set(variables).size, variables.length)
  assert(variables.includes('FLYNN_SERVER__PORT'))
})

test('camelCase joins at every underscore', () => {
  assert.equal(camelCase('max_payload_bytes'), 'maxPayloadBytes')
  assert.equal(camelCase('port'), 'port')
  assert.equal(camelCase('maxPayloadBytes'), 'maxPayloadBytes')
})

test('the README lists what needs a restart', async () => {
  const readme = await readFile(new URL('../../../plugins/config/README.md', import.meta.url), 'utf8')
  const [, list = ''] = /These are ([^.]*(?:\.[a-z][^.]*)*)\./.exec(readme) ?? []
  const listed = [...list.matchAll(/`([\w.]+)`/g)].map(([, path]) => path)
  assert.deepEqual(listed, restarting(ConfigSchema, ''))
})

function restarting(schema: TSchema, path: string): string[] {
  if (schema.restart) return [path]
  return Object.entries((schema.properties ?? {}) as Record<string, TSchema>).flatMap(([key, part]) =>
    restarting(part, path === '' ? key : `${path}.${key}`)
  )
}
