import assert from 'node:assert/strict'
import test from 'node:test'
import { build, connect, rejection } from '../../helper.ts'
import { startModelServer } from '../../model-server.ts'
import { behind, forSummary, NAMESPACE, rig, SESSION, textsOf } from './fixtures.ts'

test('/compact lets a summary take the place of what was said, and says how much that is', async (t) => {
  const { model, say, app } = await rig(t)
  for (let n = 1; n <= 4; n++) await say(`question ${n}`)
  model.reply({ text: 'FOUR QUESTIONS' })
  const { content, usage } = (await say('/compact')).at(-1)!.result
  assert.match(content, /^Compacted: about \d+ tokens before, about \d+ now\. You can still read the whole conversation\.$/)
  assert.deepEqual(usage, { inputTokens: 0, outputTokens: 0 })
  assert.equal((await app.db.memory.search(NAMESPACE, 'FOUR', 10)).length, 1)
  await say('question 5')
  assert.match(textsOf(model.requests.at(-1)!)[0]!, /FOUR QUESTIONS/)
})

test('/compact with nothing to compact says so, and asks no model', async (t) => {
  const { model, say } = await rig(t)
  const nothing = /^There is nothing to compact/
  assert.match((await say('/compact')).at(-1)!.result.content, nothing)
  await say('hello')
  assert.match((await say('/compact')).at(-1)!.result.content, nothing)
  assert.match((await say('/compact everything')).at(-1)!.result.content, /^\/compact takes no arguments/)
  assert.equal(model.requests.length, 1)
})

test('/compact works with the offline model, which remembers what was said', async (t) => {
  const { url } = await build(t)
  const client = await connect(t, url)
  const say = async (message: string) => (await client.call('agent.send', { message, sessionId: SESSION })).content
  await say('my dog is called Rex')
  for (let n = 1; n <= 4; n++) await say(`say ${n}`)
  assert.match(await say('/compact'), /^Compacted: about/)
  assert.match(await say('how is my dog called?'), /my dog is called Rex/)
})

test('/compact says that it could not be done when the model is down, and changes nothing', async (t) => {
  const { model, say } = await rig(t)
  for (let n = 1; n <= 4; n++) await say(`question ${n}`)
  model.reply({ status: 500 })
  assert.match((await say('/compact')).at(-1)!.result.content, /could not be summarised\. .+ Nothing was changed\.$/)
  await say('question 5')
  assert.equal(textsOf(model.requests.at(-1)!).length, 9)
})

test('/compact waits for its turn, and /stop takes it back', async (t) => {
  const { model, say, client } = await rig(t)
  for (let n = 1; n <= 4; n++) await say(`question ${n}`)
  const { promise, resolve } = Promise.withResolvers<void>()
  model.reply({ text: 'answer 5', until: promise }, { text: 'FIVE QUESTIONS' })
  const first = client.start('agent.send', { message: 'question 5', sessionId: SESSION })
  await model.next()
  const compact = client.start('agent.send', { message: '/compact', sessionId: SESSION })
  await client.call('system.info')
  resolve()
  assert.equal((await client.final(first)).result.content, 'answer 5')
  assert.match((await client.final(compact)).result.content, /^Compacted/)
  assert.ok(forSummary(model.requests.at(-1)!))
  assert.match(textsOf(model.requests.at(-1)!)[0]!, /question 5[\s\S]*answer 5/)

  for (let n = 6; n <= 9; n++) await say(`question ${n}`)
  model.reply({ silence: true })
  const stopped = client.start('agent.send', { message: '/compact', sessionId: SESSION })
  await model.next()
  await say('/stop')
  assert.equal((await client.final(stopped)).error.code, 4)
})

test('/model shows the tiers and sets one for a session; another session keeps its own', async (t) => {
  const { model, models, say, client } = await rig(t, { tiers: { fast: 8000 } })
  const fast = models.fast!
  assert.equal(
    (await say('/model')).at(-1)!.result.content,
    'default: test-model (openai_compatible), 200000 tokens (in use here)\nfast: test-model (openai_compatible), 8000 tokens'
  )
  const unknown = (await say('/model slow')).at(-1)!.result.content
  assert.equal(unknown, 'There is no such tier. Known: default, fast. Nothing was changed.')
  assert.match((await say('/model Fast')).at(-1)!.result.content, /^Set: fast: .* It applies to messages from now on\.$/)
  fast.reply({ text: 'I am fast.' })
  assert.equal((await say('who are you?')).at(-1)!.result.content, 'I am fast.')
  await client.call('agent.send', { message: 'hello', sessionId: 'ws:other' })
  assert.deepEqual([model.requests.length, fast.requests.length], [1, 1])

  const { sessions } = await client.call('sessions.list')
  const tiers = Object.fromEntries(
    sessions.map(({ id, config }: { id: string; config: { modelTier: string } }) => [id, config.modelTier])
  )
  assert.deepEqual([tiers[SESSION], tiers['ws:other']], ['fast', 'default'])
  const usage = (await client.call('system.contextUsage')).sessions
  assert.deepEqual(
    usage.map(({ sessionId, budget }: { sessionId: string; budget: { contextWindow: number } }) => [
      sessionId,
      budget.contextWindow
    ]),
    [
      ['ws:other', 200_000],
      [SESSION, 8000]
    ]
  )
  assert.match((await say('/status')).at(-1)!.result.content, /Tier: fast\nContext: about \d+ of 8000 tokens, [\d.]+%$/)

  await say('/model default')
  await say('and now?')
  assert.deepEqual([model.requests.length, fast.requests.length], [2, 1])
})

test('a tier that is not configured any more falls back to default, and each run says so once', async (t) => {
  const model = await startModelServer(t)
  const before = await build(t, { config: { models: { default: behind(model, 200_000), fast: behind(model, 8000) } } })
  const client = await connect(t, before.url)
  await client.call('agent.send', { message: '/model fast', sessionId: SESSION })
  await before.host.close()
  const { url } = await build(t, { config: { dataDir: before.dataDir, models: { default: behind(model, 200_000) } } })
  const again = await connect(t, url)
  const id = again.start('agent.send', { message: 'hello', sessionId: SESSION })
  const { result } = await again.final(id)
  const transient = again.events(id).filter(({ data }) => data.transient)
  assert.deepEqual(
    transient.map(({ data }) => data.text),
    ["The model tier 'fast', which is set for this session, is not configured any more: 'default' answers."]
  )
  assert.equal(result.content, 'Hello from the model.')
  const { sessions } = await again.call('sessions.list')
  assert.equal(sessions[0].config.modelTier, 'default')
  const { content } = await again.call('agent.send', { message: '/model', sessionId: SESSION })
  assert.match(content, /fast, which is set here, is no longer configured\.$/)
})

test('system.contextUsage is bounded, newest first, and right after a restart', async (t) => {
  const { client, dataDir, host } = await rig(t)
  for (const key of ['a', 'b', 'c']) await client.call('agent.send', { message: 'hello', sessionId: `ws:${key}` })
  const ids = async (from: typeof client, params: object) =>
    (await from.call('system.contextUsage', { ...params })).sessions.map(({ sessionId }: { sessionId: string }) => sessionId)
  assert.deepEqual(await ids(client, { limit: 2 }), ['ws:c', 'ws:b'])
  for (const limit of [0, 501, '1']) assert.equal((await rejection(client.call('system.contextUsage', { limit }))).code, -2)
  const told = await client.call('system.contextUsage')
  await host.close()
  const model = await startModelServer(t)
  const { url } = await build(t, { config: { dataDir, models: { default: behind(model, 200_000) } } })
  assert.deepEqual(await (await connect(t, url)).call('system.contextUsage'), told)
})
