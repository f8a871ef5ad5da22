import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { ConfigInput } from '../../../plugins/config/index.ts'
import { build, connect, type Frame } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'
import { post } from '../../routes/post.ts'

const ADMIN = 'token-of-the-admin-0123456789'
const ANN = 'token-of-ann-0123456789'
const BOB = 'token-of-bob-0123456789'
const REVOKED = { code: 4, message: 'Request cancelled: credential revoked' }

type Token = readonly [name: string, token: string, scopes?: readonly ('read' | 'write')[]]

/** A gateway with tokens of Ann and Bob whose model never ends its first answer, and a reload to other tokens. */
async function gateway(t: TestContext) {
  const model = await startModelServer(t)
  const configWith = (...tokens: Token[]): ConfigInput => ({
    server: {
      token: ADMIN,
      tokens: tokens.map(([name, token, scopes = ['read', 'write']]) => ({ name, token, scopes: [...scopes] }))
    },
    models: { default: { openai_compatible: { baseUrl: model.baseUrl, model: 'm' } } }
  })
  let next = configWith(['ann', ANN], ['bob', BOB])
  const running = await build(t, { config: next, reload: async () => ({ ...next, dataDir: running.dataDir }) as ConfigInput })
  const reload = async (...tokens: Token[]): Promise<void> => {
    next = configWith(...tokens)
    await running.app.configStore.reload('test')
  }
  return { ...running, model, reload }
}

const changes: Record<string, Token[]> = {
  removed: [['bob', BOB]],
  'with another secret': [
    ['ann', 'another-token-of-ann-012345'],
    ['bob', BOB]
  ],
  'with other scopes': [
    ['ann', ANN, ['read']],
    ['bob', BOB]
  ]
}
for (const [change, tokens] of Object.entries(changes)) {
  test(`a credential ${change} loses its run and its queue, others keep theirs`, async (t) => {
    const { url, model, app, reload } = await gateway(t)
    model.reply({ text: ['On ', 'and on'], until: new Promise<void>(() => {}) }, { text: 'Hello Bob.' })
    const admin = await connect(t, url, { token: ADMIN })
    await admin.call('sessions.subscribe', { sessionId: 'x:1' })
    const asked = model.next()
    const running = post(url, 'agent.send', { message: 'first', sessionId: 'x:1' }, { token: ANN })
    await asked
    const waiting = post(url, 'agent.send', { message: 'second', sessionId: 'x:1' }, { token: ANN })
    while (app.lanes.snapshot('x:1').depth < 1) await new Promise(setImmediate)
    const bobs = post(url, 'agent.send', { message: 'third', sessionId: 'x:1' }, { token: BOB })
    while (app.lanes.snapshot('x:1').depth < 2) await new Promise(setImmediate)
    await reload(...tokens)
    for (const answer of [await running, await waiting]) {
      const { code, message, data } = answer.json.error
      assert.deepEqual({ code, message }, REVOKED)
      assert.equal(data.reason, 'credential revoked')
    }
    assert.equal((await bobs).json.result.content, 'Hello Bob.')
    // The queue has it too, for a client that resumes.
    const outcomes = admin.frames.filter(({ event }) => event === 'error').map(({ data }) => data.message)
    assert.deepEqual([...new Set(outcomes)], [REVOKED.message])
  })
}

test('an HTTP stream of a revoked credential ends, the run of another caller goes on', async (t) => {
  const { url, model, reload } = await gateway(t)
  const end = Promise.withResolvers<void>()
  model.reply({ text: 'Hello Bob.', until: end.promise })
  const asked = model.next()
  const bobs = post(url, 'agent.send', { message: 'hello', sessionId: 'x:1' }, { token: BOB })
  await asked
  const response = await fetch(`${url}/rpc/sessions.resume`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/x-ndjson', authorization: `Bearer ${ANN}` },
    body: JSON.stringify({ sessionId: 'x:1' })
  })
  await reload(['bob', BOB])
  const lines = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame)
  assert.deepEqual({ code: lines.at(-1)?.error.code, message: lines.at(-1)?.error.message }, REVOKED)
  end.resolve()
  assert.equal((await bobs).json.result.content, 'Hello Bob.')
})
