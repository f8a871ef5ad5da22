import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { resolveConfig } from '../../../plugins/config/load.ts'
import { redactPaths } from '../../../plugins/config/redact.ts'

const CANARY = 'canary-9d1f'

function logged(...entries: object[]): string {
  const lines: string[] = []
  const log = pino({ redact: { paths: redactPaths(), censor: '***' } }, { write: (line: string) => lines.push(line) })
  for (const entry of entries) log.info(entry)
  return lines.join('')
}

test('a configuration that reaches the log reaches it without its secrets', () => {
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

test('headers that carry credentials are not logged, wherever they are found', () => {
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
