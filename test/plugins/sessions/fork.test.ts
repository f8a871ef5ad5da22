import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { exported } from '../../../plugins/sessions/export-text.ts'
import { build, connect, type Frame } from '../../helper.ts'
import { slowTool, withModel } from '../agent/fixtures.ts'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

test('a fork has the conversation up to a message, with files, and goes on by itself', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  const attachments = [{ mimeType: 'image/png', data: PNG, filename: 'a.png' }]
  await client.call('agent.send', { sessionId: 'ws:a', message: 'One', attachments })
  await client.call('agent.send', { sessionId: 'ws:a', message: 'Two' })
  await app.db.contexts.compact({
    sessionId: 'ws:a',
    key: 'k',
    text: 's',
    now: 1,
    messages: 0,
    summary: 'Earlier',
    tokens: 1,
    contextWindow: 1
  })
  const { history } = await client.call('sessions.get', { sessionId: 'ws:a' })
  const texts = (entries: Frame[]) => entries.map(({ role, content }) => `${role}: ${content.slice(0, 5)}`)
  const copy = await client.call('sessions.fork', { sessionId: 'ws:a', messageId: history[1].id })
  assert.match(copy.sessionId, /^ws:/)
  assert.equal(copy.copied, 2)
  const forked = await client.call('sessions.get', { sessionId: copy.sessionId })
  assert.deepEqual(texts(forked.history), texts(history.slice(0, 2)))
  assert.deepEqual([forked.title, forked.history[0].attachments[0].bytes], ['One', Buffer.from(PNG, 'base64').length])
  assert.equal(forked.history[0].createdAt, history[0].createdAt)
  assert.equal((await app.db.contexts.get(copy.sessionId))?.context?.summary, 'Earlier')
  const before = { sessionId: 'ws:a', messageId: history[2].id, inclusive: false, newSessionId: 'ws:b' }
  assert.deepEqual(await client.call('sessions.fork', before), { sessionId: 'ws:b', copied: 2 })
  await client.call('agent.send', { sessionId: 'ws:b', message: 'Three' })
  assert.equal((await client.call('sessions.get', { sessionId: 'ws:a' })).history.length, 4)
  await assert.rejects(client.call('sessions.fork', before), { code: -2 })
  await assert.rejects(client.call('sessions.fork', { sessionId: 'ws:a', messageId: 99_999 }), { code: -2 })
  await assert.rejects(client.call('sessions.fork', { sessionId: 'ws:none', messageId: 1 }), { code: 1 })
})

test('the pages of an export are one document, with everything that was said', async (t) => {
  const { app, url } = await build(t)
  const client = await connect(t, url)
  await app.db.sessions.open('ws:a', 1)
  const append = (content: string, rest: object = {}) =>
    app.db.messages.append({ sessionId: 'ws:a', runId: 'r', role: 'user', content, createdAt: 1, ...rest })
  const toolCalls = [{ callId: 'c', tool: 'shell.exec', args: { command: 'ls' } }]
  await append('Hello')
  await append('', { role: 'assistant', parts: { toolCalls } })
  await append('a\n```\nb', { role: 'tool', parts: { callId: 'c' } })
  for (let n = 0; n < 510; n++) await append(`Message ${n}`)
  const whole = async (format: string) => {
    let document = ''
    for (let cursor: string | undefined; ; ) {
      const page = await client.call('sessions.export', { sessionId: 'ws:a', format, ...(cursor && { cursor }) })
      document += page.content
      if (page.nextCursor === null) return document
      cursor = page.nextCursor
    }
  }
  const { title, history } = JSON.parse(await whole('json'))
  assert.deepEqual([title, history.length, history[1].toolCalls[0].result.output], ['Hello', 512, 'a\n```\nb'])
  const markdown = await whole('markdown')
  assert.match(markdown, /^# Hello\n\n## User · 1970/)
  assert.match(markdown, /\n````\na\n```\nb\n````\n/)
  assert.match(markdown, /Message 509\n\n$/)
})

test('an empty session is exported as valid JSON', () => {
  const session = { id: 'ws:a', title: null, createdAt: 1 } as Parameters<typeof exported>[1]
  assert.deepEqual(JSON.parse(exported('json', session, [], { first: true, last: true })).history, [])
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (content) => {
      const entry = { role: 'user', content, id: 1, runId: 'r', status: 'complete', createdAt: '' } as const
      assert.equal(JSON.parse(exported('json', session, [entry], { first: true, last: true })).history[0].content, content)
    })
  )
})

test('agent.retry asks the question of a failed run again, but no question of another caller', async (t) => {
  const slow = slowTool()
  const server = { tokens: ['a', 'b'].map((name) => ({ name, token: `token-of-${name}`, scopes: ['read', 'write'] })) }
  const { url, model } = await withModel(t, { plugins: [slow.plugin], server })
  const client = await connect(t, url, { token: 'token-of-a' })
  const attachments = [{ mimeType: 'image/png', data: PNG }]
  model.reply({ status: 400, message: 'no credit left' }, { text: 'Now it works.' })
  await assert.rejects(client.call('agent.send', { sessionId: 'ws:a', message: '/not a command', attachments }))
  const { content } = await client.call('agent.retry', { sessionId: 'ws:a' })
  assert.equal(content, 'Now it works.')
  const { history } = await client.call('sessions.get', { sessionId: 'ws:a' })
  assert.deepEqual(
    history.map(({ role, attachments = [] }: Frame) => [role, attachments.length]),
    [
      ['user', 1],
      ['user', 1],
      ['assistant', 0]
    ]
  )
  const other = await connect(t, url, { token: 'token-of-b' })
  await assert.rejects(other.call('agent.retry', { sessionId: 'ws:a' }), { code: -2 })
  await assert.rejects(client.call('agent.retry', { sessionId: 'ws:a', runId: 'unknown' }), { code: -2 })
  await assert.rejects(client.call('agent.retry', { sessionId: 'ws:none' }), { code: 1 })
})
