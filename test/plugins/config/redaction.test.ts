import assert from 'node:assert/strict'
import test from 'node:test'
import { ConfigStore } from '../../../plugins/config/config-store.ts'
import { resolveConfig } from '../../../plugins/config/load.ts'
import { secretsOf } from '../../../plugins/config/redaction.ts'

const KEY = `${'A'.repeat(43)}=`

const config = resolveConfig({
  server: { token: 'canary-1', tokens: [{ name: 'ops', token: 'canary-2', scopes: ['operate'] }], secret_key: KEY },
  models: { default: { anthropic: { model: 'claude', api_key: 'canary-3' } }, fast: { ollama: { model: 'canary-1 again' } } },
  agent: { system_prompt: 'First line.\nThe key is sk-ant-0123456789abcdef, and canary-2 in base64 is Y2FuYXJ5LTI.' }
})
const shown = () => new ConfigStore({ config, log: { error: () => {} } }).shown()

test('what is marked secret is shown as ***, wherever it stands, and what is not set is not there', () => {
  const { server, models } = shown() as unknown as typeof config
  assert.equal(server.token, '***')
  assert.deepEqual(server.tokens, [{ name: 'ops', token: '***', scopes: ['operate'] }])
  assert.equal(server.secretKey, '***')
  assert.ok(!('tls' in server))
  assert.deepEqual(models.default?.anthropic, { model: 'claude', apiKey: '***' })
})

test('what looks like a key, and what is one, is masked in every other text; the rest of it stays', () => {
  const { agent, models } = shown() as unknown as typeof config
  assert.equal(agent.systemPrompt, 'First line.\nThe key is ***, and *** in base64 is ***.')
  assert.equal(models.fast?.ollama?.model, '*** again')
})

test('every secret of a configuration is known', () => {
  assert.deepEqual(secretsOf(config), ['canary-1', 'canary-2', KEY, 'canary-3'])
})
