import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { type Db, type MessageRow, open } from '../../../db/client.ts'
import { Transcript } from '../../../plugins/agent/transcript.ts'
import { chatOf } from '../../../plugins/context/chat.ts'
import { build, connect, type Frame } from '../../helper.ts'
import { probes } from '../../protocol/probes.ts'

const sessionId = 'test:1'

async function stored(t: TestContext): Promise<Db> {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  await db.sessions.open(sessionId, 0)
  return db
}

/** A transcript whose clock the test moves. */
function transcriptOf(db: Db, runId = 'r1') {
  const time = { now: 10_000 }
  return { time, transcript: new Transcript(db.messages, { sessionId, runId, now: () => time.now }) }
}

const rows = async (db: Db): Promise<unknown[]> =>
  (await db.messages.history(sessionId)).map(({ role, content, status }) => `${role} ${status}: ${content}`)

test('a run is written in order: the question, the call, its result, the answer', async (t) => {
  const db = await stored(t)
  const { transcript } = transcriptOf(db)
  await transcript.user('hello', [])
  transcript.text('Looking.')
  await transcript.said({ role: 'assistant', text: 'Looking.', toolCalls: [{ callId: 'a', tool: 'memory.get', args: {} }] })
  await transcript.heard({ role: 'tool', callId: 'a', tool: 'memory.get', output: 'found', failed: false }, [])
  transcript.text('It is there.')
  await transcript.said({ role: 'assistant', text: 'It is there.' })
  assert.deepEqual(await rows(db), [
    'user complete: hello',
    'assistant complete: Looking.',
    'tool complete: found',
    'assistant complete: It is there.'
  ])
})

test('what came with a question is written with it, and given to the model again', async (t) => {
  const db = await stored(t)
  const { transcript } = transcriptOf(db)
  const attachments = [
    { mimeType: 'text/plain', data: 'b25l', filename: 'one.txt' },
    { mimeType: 'text/plain', data: 'dHdv' }
  ]
  await transcript.user('look', attachments)
  await transcript.said({ role: 'assistant', text: 'Nice.' })
  await transcript.user('and now?', [])
  assert.deepEqual(chatOf(await db.messages.history(sessionId)), [
    { role: 'user', text: 'look', attachments },
    { role: 'assistant', text: 'Nice.' },
    { role: 'user', text: 'and now?' }
  ])
})

test('a call without a word before it is written all the same', async (t) => {
  const db = await stored(t)
  const { transcript } = transcriptOf(db)
  await transcript.said({ role: 'assistant', text: '', toolCalls: [{ callId: 'a', tool: 'memory.get', args: {} }] })
  assert.deepEqual(await rows(db), ['assistant complete: '])
})

test('a long answer is saved about once a second, so that a crash leaves what was streamed', async (t) => {
  const db = await stored(t)
  const { transcript, time } = transcriptOf(db)
  transcript.text('one ')
  transcript.text('two ')
  time.now += 1000
  transcript.text('three ')
  transcript.text('four')
  await transcript.user('a write that comes after', [])
  assert.equal((await rows(db))[0], 'assistant partial: one two three ')
  await transcript.said({ role: 'assistant', text: 'one two three four' })
  assert.equal((await rows(db))[0], 'assistant complete: one two three four')
})

test('cut keeps what was streamed, marked partial, and nothing after it', async (t) => {
  const db = await stored(t)
  const { transcript } = transcriptOf(db)
  transcript.text('half an ans')
  await transcript.cut()
  transcript.text('wer')
  await transcript.said({ role: 'assistant', text: 'half an answer' })
  await transcript.cut()
  assert.deepEqual(await rows(db), ['assistant partial: half an ans'])
})

test('cut with nothing streamed writes nothing', async (t) => {
  const db = await stored(t)
  const { transcript } = transcriptOf(db)
  await transcript.cut()
  assert.deepEqual(await rows(db), [])
})

test('cut between a call and its result marks the call, cut before any answer the question', async (t) => {
  const db = await stored(t)
  const first = transcriptOf(db, 'r1').transcript
  await first.user('look', [])
  await first.said({ role: 'assistant', text: 'Looking.', toolCalls: [{ callId: 'a', tool: 'memory.get', args: {} }] })
  await first.cut()
  const second = transcriptOf(db, 'r2').transcript
  await second.user('and now?', [])
  await second.cut()
  assert.deepEqual(await rows(db), ['user complete: look', 'assistant partial: Looking.', 'user partial: and now?'])
})

test('a run whose session was deleted meanwhile fails, it does not hang', async (t) => {
  const db = await stored(t)
  const { transcript } = transcriptOf(db)
  await db.sessions.remove(sessionId)
  await assert.rejects(transcript.user('hello', []), /FOREIGN KEY|constraint/i)
  await transcript.cut()
})

const row = (row: Partial<MessageRow>): MessageRow => ({
  id: 0,
  sessionId,
  runId: 'r1',
  role: 'user',
  content: '',
  parts: null,
  status: 'complete',
  createdAt: 0,
  attachments: [],
  ...row
})

test('a call that a crash left without its result gets one that says so', () => {
  const chat = chatOf([
    row({ role: 'user', content: 'go' }),
    row({ role: 'assistant', parts: { toolCalls: [{ callId: 'a', tool: 'shell.exec', args: {} }] } }),
    row({ role: 'user', content: 'and?', runId: 'r2' })
  ])
  assert.deepEqual(
    chat.map(({ role }) => role),
    ['user', 'assistant', 'tool', 'user']
  )
  assert.match((chat[2] as { output: string }).output, /interrupted/)
})

test('the same call id in two runs belongs to each its own result', () => {
  const step = (runId: string) => [
    row({ role: 'assistant', runId, parts: { toolCalls: [{ callId: 'call_1', tool: 'memory.get', args: {} }] } }),
    row({ role: 'tool', runId, content: `of ${runId}`, parts: { callId: 'call_1', tool: 'memory.get', failed: false } })
  ]
  const outputs = chatOf([...step('r1'), ...step('r2')]).flatMap((message) => (message.role === 'tool' ? [message.output] : []))
  assert.deepEqual(outputs, ['of r1', 'of r2'])
})

test('a call id used again in a later step of one run gets the result of its own step', () => {
  const step = (content: string) => [
    row({ role: 'assistant', parts: { toolCalls: [{ callId: 'call_1', tool: 'memory.get', args: {} }] } }),
    row({ role: 'tool', content, parts: { callId: 'call_1', tool: 'memory.get', failed: false } })
  ]
  const outputs = chatOf([...step('first'), ...step('second')]).flatMap((message) =>
    message.role === 'tool' ? [message.output] : []
  )
  assert.deepEqual(outputs, ['first', 'second'])
})

test('whatever is stored: every call is followed by its result, and no result stands alone', () => {
  const anyRow = fc.record({
    role: fc.constantFrom('user' as const, 'assistant' as const, 'tool' as const),
    runId: fc.constantFrom('r1', 'r2'),
    calls: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
    callId: fc.constantFrom('a', 'b', 'c')
  })
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 12 }), (specs) => {
      const chat = chatOf(
        specs.map(({ role, runId, calls, callId }) =>
          row({
            role,
            runId,
            parts:
              role === 'assistant'
                ? { toolCalls: calls.map((callId) => ({ callId, tool: 't.t', args: {} })) }
                : role === 'tool'
                  ? { callId, tool: 't.t', failed: false }
                  : null
          })
        )
      )
      let open: string[] = []
      for (const message of chat) {
        if (message.role === 'tool') assert.equal(message.callId, open.shift())
        else assert.deepEqual(open, [])
        if (message.role === 'assistant') open = (message.toolCalls ?? []).map(({ callId }) => callId)
      }
      assert.deepEqual(open, [])
    })
  )
})

test('a file that a tool makes is in the history, at the answer that called the tool', async (t) => {
  const { url } = await build(t, { plugins: [probes] })
  const client = await connect(t, url)
  await client.call('agent.send', { message: '/tool probe.picture', sessionId: 'ws:a' })
  const { history } = await client.call('sessions.get', { sessionId: 'ws:a' })
  const files = history.map(({ role, attachments }: Frame) => [role, attachments])
  assert.deepEqual(files, [
    ['user', undefined],
    ['assistant', [{ id: '3-0', mimeType: 'image/png', filename: 'output.png', bytes: 64 }]],
    ['assistant', undefined]
  ])
})
