import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { wordsOf } from '../../../db/words.ts'
import { snippetOf } from '../../../plugins/sessions/snippet.ts'
import { build, connect, type Frame } from '../../helper.ts'

test('sessions.search pages through messages with snippets, and sessions.get shows them', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  await app.db.sessions.open('ws:a', 1)
  const ids: number[] = []
  for (let n = 0; n < 3; n++) {
    const content = `${'filler '.repeat(20)} Nightly backup ${n}`
    ids.push(await app.db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'assistant', content, createdAt: n }))
  }
  const first = await client.call('sessions.search', { text: 'nightly back', limit: 2 })
  const second = await client.call('sessions.search', { text: 'nightly back', limit: 2, cursor: first.nextCursor })
  const messages: Frame[] = [...first.messages, ...second.messages]
  assert.deepEqual(
    messages.map(({ id }) => id),
    ids.toReversed()
  )
  assert.equal(second.nextCursor, null)
  const { snippet, matches } = messages[0]!
  assert.deepEqual(
    matches.map(([from, to]: [number, number]) => snippet.slice(from, to)),
    ['Nightly', 'backup']
  )
  const { history } = await client.call('sessions.get', { sessionId: 'ws:a', around: ids[1], limit: 1 })
  assert.equal(history[0].id, ids[1])
  await assert.rejects(client.call('sessions.search', { text: 'x', cursor: 'x' }), { code: -2 })
  assert.deepEqual((await client.call('sessions.search', { text: '%"*' })).messages, [])
})

test('a snippet is short, and its matches are places in it, for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), fc.string({ unit: 'grapheme', maxLength: 20 }), (text, query) => {
      const snippet = snippetOf(text, wordsOf(query))
      assert.ok(snippet.text.length <= 242)
      for (const [from, to] of snippet.matches) assert.ok(0 <= from && from < to && to <= snippet.text.length)
    })
  )
})
