import assert from 'node:assert/strict'
import test from 'node:test'

import { build } from '../../helper.ts'

import { clientFor, collect } from './fixtures.ts'

test('a send answers with its text, its events and its result', async (t) => {
  const { url } = await build(t)
  const gateway = clientFor(t, url)
  const run = gateway.session('cli:me').send('say hello there')
  const texts: string[] = []
  for await (const text of run.text()) texts.push(text)
  const result = await run
  assert.equal(texts.join(''), 'hello there')
  assert.equal(result.content, 'hello there')
  const events = await collect(run)
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1)
  )
  assert.equal(events.at(-1)?.event, 'done')
  assert.equal(run.runId, result.runId)
  assert.equal((await run.accepted).messageId, result.queue?.messageId)
  const { sessions } = await gateway.call('sessions.list', { limit: 20 })
  assert.deepEqual(
    sessions.map(({ id }) => id),
    ['cli:me']
  )
})
