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

test('follow with replay brings earlier runs first', async (t) => {
  const { url } = await build(t)
  const gateway = clientFor(t, url)
  const session = gateway.session('cli:me')
  await session.send('say one')
  const texts: string[] = []
  for await (const event of clientFor(t, url).session('cli:me').follow({ replay: true })) {
    if (event.event !== 'done') continue
    texts.push(event.data.content)
    if (texts.length === 1) void session.send('say two')
    else break
  }
  assert.deepEqual(texts, ['one', 'two'])
})
