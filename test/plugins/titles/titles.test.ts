import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { titleIn } from '../../../plugins/titles/titles.ts'
import { build, connect } from '../../helper.ts'
import { withModel } from '../agent/fixtures.ts'

const CALLER = { id: 'token:bot', scopes: new Set(['write'] as const) }

test('a model makes the title after the first answer, once, and never over that of a person', async (t) => {
  const { app, url, model } = await withModel(t)
  const client = await connect(t, url)
  const titles = async () =>
    (await client.call('sessions.list', { sort: 'createdAt', order: 'asc' })).sessions.map(
      ({ title }: { title: string }) => title
    )
  await client.call('agent.send', { sessionId: 'ws:a', message: 'What about the nightly backup?' })
  await client.call('agent.send', { sessionId: 'ws:b', message: 'And this?' })
  await client.call('sessions.update', { sessionId: 'ws:b', title: 'Mine' })
  assert.deepEqual(await titles(), ['What about the nightly backup?', 'Mine'])
  await app.titles.flush()
  assert.deepEqual(await titles(), ['A title of the model', 'Mine'])
  assert.match(JSON.stringify(model.titles[0]?.body), /User: What about the nightly backup\?.*Agent: Hello from the model/)
  await client.call('agent.send', { sessionId: 'ws:a', message: 'Go on' })
  await app.titles.flush()
  assert.equal(model.titles.length, 1)
})

test('guests and the offline model cause no call for a title', async (t) => {
  const { app, model } = await withModel(t)
  const message = { message: 'Hello', attachments: [], listener: () => {} }
  await app.agent.send({ ...message, sessionId: 'telegram:guest', caller: { ...CALLER, access: 'guest' } })
  await app.titles.flush()
  assert.equal(model.titles.length, 0)
  const offline = await build(t)
  await offline.app.agent.send({ ...message, sessionId: 'ws:a', caller: CALLER })
  await offline.app.titles.flush()
  assert.equal((await offline.app.db.sessions.get('ws:a'))?.titledBy, 'message')
})

test('the title is taken out of whatever a model writes around it', () => {
  const expected = 'Nightly backup'
  for (const answer of [
    'Nightly backup',
    '"Nightly backup"',
    '# Nightly backup\n\nIt is…',
    'Title: **Nightly backup.**',
    '<think>Hm</think>\nNightly backup'
  ]) {
    assert.equal(titleIn(answer), expected, answer)
  }
  assert.equal(titleIn('<think>still thinking'), null)
  assert.equal(titleIn('""'), null)
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => (titleIn(text)?.length ?? 0) <= 81))
})
