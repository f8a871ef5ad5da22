import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { ConfigStore } from '../../../plugins/config/config-store.ts'
import { resolveConfig } from '../../../plugins/config/parse/load.ts'
import { redactPaths, secretsOf } from '../../../plugins/config/redaction.ts'

const KEY = `${'A'.repeat(43)}=`

const config = resolveConfig({
  server: { token: 'canary-1', tokens: [{ name: 'ops', token: 'canary-2', scopes: ['operate'] }], secret_key: KEY },
  models: { default: { anthropic: { model: 'claude', api_key: 'canary-3' } }, fast: { ollama: { model: 'canary-1 again' } } },
  agent: { system_prompt: 'First line.\nThe key is sk-ant-0123456789abcdef, and canary-2 in base64 is Y2FuYXJ5LTI.' }
})
const shown = () => new ConfigStore({ config, log: { error: () => {} } }).shown()

test('secrets are shown as ***, unset keys are left out', () => {
  const { server, models } = shown() as unknown as typeof config
  assert.equal(server.token, '***')
  assert.deepEqual(server.tokens, [{ name: 'ops', token: '***', scopes: ['operate'] }])
  assert.equal(server.secretKey, '***')
  assert.ok(!('tls' in server))
  assert.deepEqual(models.default?.anthropic, { model: 'claude', apiKey: '***' })
})

test('keys inside other texts are masked, the rest stays', () => {
  const { agent, models } = shown() as unknown as typeof config
  assert.equal(agent.systemPrompt, 'First line.\nThe key is ***, and *** in base64 is ***.')
  assert.equal(models.fast?.ollama?.model, '*** again')
})

test('every secret of a configuration is known', () => {
  assert.deepEqual(secretsOf(config), ['canary-1', 'canary-2', KEY, 'canary-3'])
})

test('paths of addresses and arguments of programs show no keys', () => {
  const key = 'x7QmB0aLk29ZpTvWc8'
  const config = resolveConfig({
    webhooks: {
      slack: { secret: 's', deliver_to: `https://hooks.example.com/services/T0/B0/${key}?x=1` },
      chat: { secret: 's', deliver_to: 'telegram:123456' }
    },
    models: {
      default: { openai_compatible: { model: 'm', base_url: `https://gateway.example.com/v1/${key}/openai` } },
      fast: { openai_compatible: { model: 'm', base_url: 'http://127.0.0.1:8080/compatible-mode/v1' } }
    },
    tools: { mcp: { files: { command: 'npx', args: ['-y', 'some-server', `--token=${key}`] } } }
  })
  const { webhooks, models, tools } = new ConfigStore({ config, log: { error: () => {} } }).shown() as unknown as typeof config
  assert.equal(webhooks.slack?.deliverTo, 'https://hooks.example.com/***')
  assert.equal(webhooks.chat?.deliverTo, 'telegram:123456')
  assert.equal(models.default?.openai_compatible?.baseUrl, 'https://gateway.example.com/v1/***/openai')
  assert.equal(models.fast?.openai_compatible?.baseUrl, 'http://127.0.0.1:8080/compatible-mode/v1')
  assert.deepEqual(tools.mcp.files?.args, ['***', '***', '***'])
  assert.ok(secretsOf(config).includes(key), 'the log masks it as well')
})

const CANARY = 'canary-9d1f'

function logged(...entries: object[]): string {
  const lines: string[] = []
  const log = pino({ redact: { paths: redactPaths(), censor: '***' } }, { write: (line: string) => lines.push(line) })
  for (const entry of entries) log.info(entry)
  return lines.join('')
}

test('the log shows no secret of a configuration', () => {
  const config = resolveConfig({
    server: { token: `${CANARY}-1`, tokens: [{ name: 'ops', token: `${CANARY}-2`, scopes: ['operate'] }] },
    models: {
      default: { anthropic: { model: 'claude', api_key: `${CANARY}-3` }, openai: { model: 'gpt', api_key: `${CANARY}-4` } },
      fast: { openai_compatible: { model: 'm', base_url: 'http://x', api_key: `${CANARY}-5` } }
    }
  })
  const text = logged({ config }, config)
  assert.doesNotMatch(text, /canary/)
  assert.equal(text.match(/\*\*\*/g)?.length, 10)
  for (const shown of ['ops', 'claude', 'gpt', 'http://x']) assert(text.includes(shown), shown)
})

test('headers that carry credentials are not logged', () => {
  const headers = {
    authorization: `Bearer ${CANARY}`,
    cookie: `flynn=${CANARY}`,
    'set-cookie': `flynn=${CANARY}`,
    'sec-websocket-protocol': `flynn.v1, bearer.${CANARY}`,
    'user-agent': 'curl'
  }
  const text = logged({ headers }, { req: { headers } }, { res: { headers } })
  assert.doesNotMatch(text, /canary/)
  assert.equal(text.match(/curl/g)?.length, 3)
})
