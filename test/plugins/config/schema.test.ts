import assert from 'node:assert/strict'
import test from 'node:test'
import type { TSchema } from '@sinclair/typebox'
import { variableOf } from '../../../plugins/config/parse/environment.ts'
import { settingsOf } from '../../../plugins/config/parse/keys.ts'
import { camelCase } from '../../../plugins/config/parse/names.ts'
import { ConfigSchema } from '../../../plugins/config/schema.ts'
import { keys } from '../../../scripts/config-table.ts'

function everySchema(schema: TSchema): TSchema[] {
  const parts = [...Object.values({ ...schema.properties, ...schema.patternProperties }), ...(schema.items ? [schema.items] : [])]
  return [schema, ...(parts as TSchema[]).flatMap(everySchema)]
}

test('every key is described, and no object takes keys that it does not know', () => {
  for (const { path, schema } of keys()) assert.match(schema.description ?? '', /\S/, path)
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

test('keys, tokens and values for MCP servers are marked secret, nothing else is', () => {
  const secrets = keys()
    .filter(({ schema }) => schema.secret)
    .map(({ path }) => path)
  assert.deepEqual(secrets, [
    'server.token',
    'server.tokens[].token',
    'server.secret_key',
    'server.nodes.push.apns.private_key',
    'server.nodes.push.fcm.private_key',
    'database.url',
    'models.<tier>.<provider>.api_key',
    'models.<tier>.<provider>.headers.<header>',
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
