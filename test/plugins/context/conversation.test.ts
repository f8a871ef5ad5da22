import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { open } from '../../../db/client.ts'
import { Conversation, type ConversationOptions } from '../../../plugins/context/conversation.ts'
import { SESSION } from './fixtures.ts'

/** A conversation that fills its window, whose model answers with what `ask` yields. */
async function conversation(t: TestContext, options: Partial<ConversationOptions>) {
  const { contexts, sessions, close } = await open({ file: ':memory:' })
  t.after(close)
  await sessions.open(SESSION, 0)
  const warnings: unknown[] = []
  const made = new Conversation({
    sessionId: SESSION,
    history: [
      { role: 'user', text: 'hello' },
      { role: 'assistant', text: 'Hi.' }
    ],
    summary: undefined,
    counted: { tokens: 900, messages: 2 },
    system: '',
    tools: [],
    contextWindow: 1000,
    settings: { autoCompact: true, contextThresholdPct: 80 },
    contexts,
    signal: new AbortController().signal,
    live: () => true,
    deadline: 10_000,
    now: () => 0,
    log: { warn: (detail: unknown) => void warnings.push(detail) },
    async *ask() {
      yield { type: 'text', text: 'A summary.' }
    },
    ...options
  })
  return { made, contexts, warnings }
}

test('a model that never ends its summary, and hears no abort, does not hold the run past its own time', async (t) => {
  const { made, contexts, warnings } = await conversation(t, {
    deadline: 2,
    async *ask() {
      await new Promise(() => {})
    }
  })
  // The gateway's own sockets keep a process alive; here there is none.
  const alive = setInterval(() => {}, 1000)
  const warning = await made.finish()
  clearInterval(alive)
  assert.deepEqual(warning?.actions, { checkpointSaved: false, autoCompacted: false })
  assert.equal(warnings.length, 1)
  assert.deepEqual((await contexts.get(SESSION))?.context?.summary, null)
})

test('a model that says nothing has written no summary', async (t) => {
  const { made } = await conversation(t, {
    async *ask() {
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 0 } }
    }
  })
  assert.equal((await made.finish())?.actions.checkpointSaved, false)
})

test('a summary that does not end is cut where it is long enough, and the call with it', async (t) => {
  let ended = false
  const { made, contexts } = await conversation(t, {
    async *ask() {
      try {
        for (;;) yield { type: 'text', text: 'words and ' }
      } finally {
        ended = true
      }
    }
  })
  assert.equal((await made.finish())?.actions.autoCompacted, true)
  assert.ok(ended)
  assert.ok((await contexts.get(SESSION))!.context!.summary!.length < 1000)
})

test('a turn that its lane has let go of writes nothing', async (t) => {
  const { made, contexts } = await conversation(t, { live: () => false })
  assert.equal((await made.finish())?.actions.checkpointSaved, false)
  assert.equal((await contexts.get(SESSION))?.context, null)
})

test('a summary of a long conversation is made in pieces, a bounded number of them', async (t) => {
  const asked: string[] = []
  const history = Array.from(
    { length: 200 },
    (_, n) => ({ role: n % 2 === 0 ? 'user' : 'assistant', text: `message ${n} ${'word '.repeat(100)}` }) as const
  )
  const { made } = await conversation(t, {
    history,
    counted: { tokens: 900, messages: 200 },
    async *ask({ messages: [message] }) {
      if (message?.role === 'user') asked.push(message.text)
      yield { type: 'text', text: 'A summary.' }
    }
  })
  await made.finish()
  assert.equal(asked.length, 8)
  assert.match(asked[0]!, /^\[Earlier messages are left out here\.\]/)
  for (const piece of asked.slice(1)) assert.match(piece, /^Summary of what came before:\nA summary\./)
  assert.match(asked.at(-1)!, /message 199/)
  for (const piece of asked) assert.ok(piece.length < 4000)
})
