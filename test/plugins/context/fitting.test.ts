import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import { type GatewayInstance, gatewayPlugin } from '../../../plugins/define.ts'
import { defineTool } from '../../../plugins/tools/define.ts'
import { build, connect, type Frame } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'
import { behind, forSummary, NAMESPACE, rig, SESSION, textsOf, tokens, warningIn } from './fixtures.ts'

/** Of it 15000 are for the conversation, the instructions and the tools. */
const WINDOW = 20_000
/** A text of that many tokens. */
const words = (count: number): string => Array.from({ length: count }, (_, n) => `word${n % 10}`).join(' ')

/** A gateway with a tool `test.long` that answers very much. */
async function withLongTool(t: TestContext, { agent = {} } = {}) {
  const plugin = gatewayPlugin({ name: 'long-tool', dependencies: ['tools'] }, async (app: GatewayInstance) => {
    app.tools.add(
      defineTool({
        name: 'test.long',
        description: 'Says much',
        input: Type.Object({ words: Type.Integer() }, { additionalProperties: false }),
        run: async ({ words: count }) => words(count)
      })
    )
  })
  const model = await startModelServer(t)
  const { url, app } = await build(t, { plugins: [plugin], config: { agent, models: { default: behind(model, WINDOW) } } })
  const client = await connect(t, url)
  return {
    model,
    app,
    async say(message: string): Promise<Frame[]> {
      const id = client.start('agent.send', { message, sessionId: SESSION })
      await client.final(id)
      return client.frames.filter((frame) => frame.id === id)
    }
  }
}

const long = (count: number, n: number) => ({
  toolCalls: [{ id: `call_${n}`, name: 'test_long', args: { words: count } }],
  usage: null
})

test('a history that what tools say makes too long is summarised before the next call, and the run goes on', async (t) => {
  const { model, say, app } = await withLongTool(t)
  model.reply(long(5000, 1), long(5000, 2), long(5000, 3), { text: 'WHAT THE TOOL SAID' }, { text: 'Done.', usage: null })
  const frames = await say('read all of it')
  assert.equal(frames.at(-1)!.result?.content, 'Done.')
  assert.deepEqual(model.requests.map(forSummary), [false, false, false, true, false])
  const [first, ...rest] = textsOf(model.requests[4]!)
  assert.match(first!, /WHAT THE TOOL SAID\n\nThe last message of the user, word for word:\nread all of it/)
  assert.deepEqual(
    rest.map((text) => text.slice(0, 20)),
    ['assistant: test_long', 'tool: word0 word1 wo']
  )
  const { level, actions } = warningIn(frames)!
  assert.deepEqual([level, actions.autoCompacted, actions.checkpointNamespace], ['checkpoint', true, NAMESPACE])
  assert.equal(frames.filter(({ event }) => event === 'context_warning').length, 1)
  assert.equal((await app.db.memory.search(NAMESPACE, 'WHAT', 10)).length, 1)

  model.reply({ text: 'Next.', usage: null })
  await say('go on')
  assert.match(textsOf(model.requests.at(-1)!)[0]!, /WHAT THE TOOL SAID/)
})

test('without a summary the beginning is left out for this run only, with a note', async (t) => {
  const { model, say, app } = await withLongTool(t)
  model.reply(long(5000, 1), long(5000, 2), long(5000, 3), { status: 500 }, { text: 'Done.', usage: null }, { status: 500 })
  const frames = await say('read all of it')
  assert.equal(frames.at(-1)!.result?.content, 'Done.')
  const [first] = textsOf(model.requests[4]!)
  assert.match(first!, /could not be summarised: they are missing here\.[\s\S]*word for word:\nread all of it/)
  assert.equal(warningIn(frames)!.actions.checkpointSaved, false)
  assert.equal((await app.db.contexts.get(SESSION))?.context?.summary, null)
  assert.equal((await app.db.messages.history(SESSION)).length, 8)
})

test('what one tool says is cut for the model when it is too long, with a note, and people can read all of it', async (t) => {
  const { model, say } = await withLongTool(t, { agent: { autoCompact: false } })
  model.reply(long(20_000, 1), { text: 'Done.', usage: null })
  const frames = await say('read it')
  assert.equal(frames.at(-1)!.result?.content, 'Done.')
  const [, , result] = textsOf(model.requests[1]!)
  assert.match(result!, /word0[\s\S]*\[… \d+ characters were left out here: the text is too long for the model …\][\s\S]*word9$/)
  assert.ok(result!.length < 80_000)
  assert.ok(frames.find(({ event }) => event === 'tool_end')!.data.result.output.length > 100_000)
})

test('a giant message is cut for the model, also in the turns after it', async (t) => {
  const { model, say, client } = await rig(t, { contextWindow: WINDOW })
  model.reply({ text: 'Much.', usage: null }, { text: 'Yes.', usage: null })
  const giant = `BEGIN ${words(170_000)} END`
  assert.equal((await say(giant)).at(-1)!.result.content, 'Much.')
  await say('and now?')
  for (const request of model.requests.filter((request) => !forSummary(request)).slice(0, 2)) {
    const all = textsOf(request).join()
    assert.ok(all.length < 80_000)
  }
  assert.match(textsOf(model.requests[0]!)[0]!, /BEGIN[\s\S]*characters were left out here[\s\S]*END$/)
  const { history } = await client.call('sessions.get', { sessionId: SESSION })
  assert.equal(history[0].content, giant)
})

test('a giant text file is cut as a message is', async (t) => {
  const { model, say } = await rig(t, { contextWindow: WINDOW })
  const data = Buffer.from(words(170_000)).toString('base64')
  await say('read', { attachments: [{ mimeType: 'text/plain', data }] })
  const all = textsOf(model.requests[0]!).join()
  assert.ok(all.length < 80_000, `${all.length}`)
  assert.match(all, /characters were left out here/)
})

test('without auto_compact what does not fit is an error that says so, and no call is made', async (t) => {
  const { model, say } = await rig(t, { contextWindow: WINDOW, agent: { autoCompact: false } })
  model.reply({ text: 'One.', ...tokens(19_000) }, { text: 'A checkpoint.' })
  await say('hello')
  const frames = await say(words(5000))
  const { code, message, data } = frames.at(-1)!.error
  assert.deepEqual([code, data], [5, { retryable: false }])
  assert.match(
    message,
    /^The conversation does not fit the context window of the model: about \d\d,\d{3} of 20,000 tokens\. Write \/compact/
  )
  assert.equal(model.requests.length, 2)
  await say('/compact')
})

test('a system prompt that fills the window is an error that says so, and no call is made', async (t) => {
  const { model, say } = await rig(t, { contextWindow: 2000, agent: { systemPrompt: words(3000) } })
  for (const text of ['hello', `and ${words(1000)}`, 'hello?']) {
    const { code, message, data } = (await say(text)).at(-1)!.error
    assert.deepEqual([code, data], [5, { retryable: false }])
    assert.match(message, /^The system prompt and the tools take about \d,\d{3} of the 2,000 tokens .* a larger context_window/)
  }
  assert.equal(model.requests.length, 0, 'no summary would help')
})

test('a smaller tier gets a summary of what does not fit it', async (t) => {
  const { model, models, say } = await rig(t, { tiers: { small: WINDOW } })
  const small = models.small!
  for (let n = 1; n <= 5; n++) {
    model.reply({ text: `answer ${n}`, usage: null })
    await say(`question ${n} ${words(3000)}`)
  }
  assert.match((await say('/model small')).at(-1)!.result.content, /^Set: small/)
  small.reply({ text: 'FIVE QUESTIONS' }, { text: 'Small.', usage: null })
  assert.equal((await say('and now?')).at(-1)!.result.content, 'Small.')
  assert.deepEqual(small.requests.map(forSummary), [true, false])
  assert.match(textsOf(small.requests[1]!)[0]!, /FIVE QUESTIONS/)
  assert.equal(model.requests.length, 5)
})

test('what was left out of a run gives way with the rest, once it can be summarised', async (t) => {
  const { model, say, app } = await withLongTool(t)
  model.reply(long(5000, 1), long(5000, 2), long(5000, 3), { status: 500 }, long(5000, 4), long(5000, 5), { text: 'LATER' })
  model.reply({ text: 'Done.', usage: null })
  assert.equal((await say('read all of it')).at(-1)!.result?.content, 'Done.')
  assert.deepEqual(model.requests.map(forSummary), [false, false, false, true, false, false, true, false])
  const history = await app.db.messages.history(SESSION)
  assert.deepEqual(
    history.map(({ role }) => role),
    ['assistant', 'tool', 'assistant']
  )
  assert.match((await app.db.contexts.get(SESSION))!.context!.summary!, /^LATER[\s\S]*read all of it$/)
  // All that gives way is in what the summary is made of, also what was left out in between.
  const material = textsOf(model.requests[6]!)[0]!
  assert.match(material, /^user: User: read all of it\n/)
  assert.equal(material.match(/Tool test\.long answered/g)?.length, 4)
})

test('what was counted for one window is counted anew for another', async (t) => {
  const { model, models, say } = await rig(t, { contextWindow: 36_000, agent: { autoCompact: false }, tiers: { small: WINDOW } })
  await say('/model small')
  models.small!.reply({ text: 'Much.', usage: { input: 11_000, output: 10 } })
  await say(words(17_900))
  await say('/model default')
  assert.match((await say(words(17_900))).at(-1)!.error.message, /does not fit .* about 3\d,\d{3} of 36,000 tokens/)
  assert.equal(model.requests.length, 0)
})
