import assert from 'node:assert/strict'
import test from 'node:test'
import type { Frame } from '../../helper.ts'
import { forSummary, NAMESPACE, rig, SESSION, textsOf, tokens, warningIn } from './fixtures.ts'

const BUDGET = {
  estimatedTokens: 172000,
  contextWindow: 200000,
  remainingTokens: 28000,
  usagePct: 86,
  thresholdPct: 80,
  thresholdTokens: 160000,
  shouldCompact: true
}

test('a run that ends above 75 % of the window warns before done, in the words of the specification', async (t) => {
  const { model, say } = await rig(t)
  model.reply({ text: 'Fine.', ...tokens(152_000) })
  const frames = await say('hello')
  assert.deepEqual(warningIn(frames), {
    level: 'warning',
    message: 'Context usage is 76.0% (152000/200000 estimated tokens).',
    budget: { ...BUDGET, estimatedTokens: 152000, remainingTokens: 48000, usagePct: 76, shouldCompact: false },
    actions: { checkpointSaved: false, autoCompacted: false }
  })
  assert.deepEqual(
    frames.slice(-3).map(({ event }) => event ?? 'result'),
    ['context_warning', 'done', 'result']
  )
  assert.equal(model.requests.length, 1)
})

test('a run below 75 % of the window warns of nothing', async (t) => {
  const { model, say } = await rig(t)
  model.reply({ text: 'Fine.', ...tokens(149_999) })
  assert.equal(warningIn(await say('hello')), undefined)
})

test('only the last model call of a run counts, not their sum', async (t) => {
  const { model, say, client } = await rig(t)
  model.reply({ toolCalls: [{ name: 'file_list', args: {} }], ...tokens(100_000) }, { text: 'Fine.', ...tokens(110_000) })
  assert.equal(warningIn(await say('hello')), undefined)
  const { sessions } = await client.call('system.contextUsage')
  assert.equal(sessions[0].budget.estimatedTokens, 110_000)
})

test('at the threshold a checkpoint is saved, and without auto_compact nothing else happens', async (t) => {
  const { model, say, app, client } = await rig(t, { agent: { autoCompact: false } })
  model.reply({ text: 'Fine.', ...tokens(172_000) }, { text: 'They said hello.' })
  const frames = await say('hello')
  assert.deepEqual(warningIn(frames), {
    level: 'checkpoint',
    message: `Context usage is 86.0% (172,000/200,000 estimated tokens). Checkpoint saved to memory namespace \`${NAMESPACE}\`.`,
    budget: BUDGET,
    actions: { checkpointSaved: true, autoCompacted: false, checkpointNamespace: NAMESPACE }
  })
  assert.deepEqual(
    frames.slice(-3).map(({ event }) => event ?? 'result'),
    ['context_warning', 'done', 'result']
  )
  const [entry] = await app.db.memory.search(NAMESPACE, 'hello', 10)
  assert.equal(entry?.value, 'They said hello.')
  assert.match(entry.key, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual(await client.call('system.contextUsage'), { sessions: [{ sessionId: SESSION, budget: BUDGET }] })
  await say('again')
  assert.deepEqual(textsOf(model.requests[2]!), ['user: hello', 'assistant: Fine.', 'user: again'])
})

test('with auto_compact the next run sees the summary and the last messages, and people see everything', async (t) => {
  const { model, say, app, client } = await rig(t)
  for (let n = 1; n <= 4; n++) {
    model.reply({ text: `answer ${n}` })
    await say(`question ${n}`)
  }
  model.reply({ text: 'answer 5', ...tokens(172_000) }, { text: 'They asked four things.' })
  const warning = warningIn(await say('question 5'))
  assert.deepEqual(warning?.actions, { checkpointSaved: true, autoCompacted: true, checkpointNamespace: NAMESPACE })
  assert.deepEqual(warning.budget, BUDGET)
  assert.equal((await app.db.memory.search(NAMESPACE, 'four', 10)).length, 1)
  const [{ budget }] = (await client.call('system.contextUsage')).sessions
  assert.ok(budget.estimatedTokens < 20_000 && !budget.shouldCompact)

  await say('question 6')
  assert.deepEqual(textsOf(model.requests.at(-1)!), [
    'user: [What was said before, summarised by the gateway:]\nThey asked four things.\n\nquestion 3',
    'assistant: answer 3',
    'user: question 4',
    'assistant: answer 4',
    'user: question 5',
    'assistant: answer 5',
    'user: question 6'
  ])
  const { history } = await client.call('sessions.get', { sessionId: SESSION })
  assert.equal(history.length, 12)
  assert.equal(history[0].content, 'question 1')
})

test('messages that gave way are not read again, attachments and all', async (t) => {
  const { model, say, app } = await rig(t)
  const attachments = [{ mimeType: 'text/plain', data: Buffer.from('in the file').toString('base64') }]
  await say('question 1', { attachments })
  for (const n of [2, 3]) await say(`question ${n}`)
  model.reply({ text: 'answer 4', ...tokens(172_000) }, { text: 'A summary.' })
  await say('question 4')
  const rows = await app.db.messages.history(SESSION)
  assert.ok(rows.every((row) => row.attachments.length === 0))
  await say('question 5')
  assert.ok(!textsOf(model.requests.at(-1)!).join().includes('in the file'))
})

test('what a second compaction is made of has the summary of the first in it', async (t) => {
  const { model, say } = await rig(t)
  model.reply({ text: 'a1', ...tokens(172_000) }, { text: 'FIRST SUMMARY' })
  await say('q1')
  model.reply({ text: 'a2', ...tokens(172_000) }, { text: 'SECOND SUMMARY' })
  await say('q2')
  const request = model.requests.at(-1)!
  assert.ok(forSummary(request))
  assert.match(textsOf(request).join(), /Summary of what came before:\nFIRST SUMMARY[\s\S]*User: q2[\s\S]*Assistant: a2/)
  await say('q3')
  const [first] = textsOf(model.requests.at(-1)!)
  assert.match(first!, /SECOND SUMMARY/)
  assert.doesNotMatch(first!, /FIRST SUMMARY/)
})

test('a model that is down when it should summarise fails no run, and nothing is compacted', async (t) => {
  const { model, say, app, client } = await rig(t)
  model.reply({ text: 'Fine.', ...tokens(172_000) }, { status: 500 })
  const frames = await say('hello')
  assert.deepEqual(warningIn(frames), {
    level: 'checkpoint',
    message: 'Context usage is 86.0% (172,000/200,000 estimated tokens). No checkpoint could be saved.',
    budget: BUDGET,
    actions: { checkpointSaved: false, autoCompacted: false }
  })
  assert.equal(frames.at(-1)!.result.content, 'Fine.')
  assert.deepEqual(await app.db.memory.search(NAMESPACE, '', 10), [])
  const [{ budget }] = (await client.call('system.contextUsage')).sessions
  assert.equal(budget.estimatedTokens, 172_000)
})

test('a run that is cancelled while it is summarised keeps its whole answer, and compacts nothing', async (t) => {
  const { model, client, app } = await rig(t)
  model.reply({ text: 'Fine.', ...tokens(172_000) }, { silence: true })
  const id = client.start('agent.send', { message: 'hello', sessionId: SESSION })
  await model.next()
  const summary = await model.next()
  assert.ok(forSummary(summary))
  assert.deepEqual(await client.call('agent.cancel', { sessionId: SESSION }), { cancelled: true })
  assert.equal((await client.final(id)).error.code, 4)
  const { history } = await client.call('sessions.get', { sessionId: SESSION })
  assert.deepEqual(
    history.map(({ content, status }: Frame) => [content, status]),
    [
      ['hello', 'complete'],
      ['Fine.', 'complete']
    ]
  )
  assert.equal((await app.db.contexts.get(SESSION))?.context?.summary, null)
})

test('no other message comes between an answer and its compaction', async (t) => {
  const { model, client } = await rig(t)
  const { promise, resolve } = Promise.withResolvers<void>()
  model.reply({ text: 'Fine.', ...tokens(172_000) }, { text: 'A summary.', until: promise })
  const first = client.start('agent.send', { message: 'hello', sessionId: SESSION })
  await model.next()
  await model.next()
  const second = client.start('agent.send', { message: 'and then', sessionId: SESSION })
  await client.call('system.info')
  assert.equal(model.requests.length, 2)
  resolve()
  await client.final(second)
  const order = client.frames.filter(({ result }) => result?.runId).map(({ id }) => id)
  assert.deepEqual(order, [first, second])
  assert.match(textsOf(model.requests[2]!)[0]!, /A summary\./)
})

test('a session that is deleted takes its checkpoints along, and /new forgets the summary', async (t) => {
  const { model, say, app, client } = await rig(t)
  model.reply({ text: 'Fine.', ...tokens(172_000) }, { text: 'A summary.' })
  await say('hello')
  await say('/new')
  assert.deepEqual((await client.call('system.contextUsage')).sessions, [])
  await say('hello again')
  assert.deepEqual(textsOf(model.requests.at(-1)!), ['user: hello again'])
  assert.equal((await app.db.memory.search(NAMESPACE, 'summary', 10)).length, 1)
  await client.call('sessions.delete', { sessionId: SESSION })
  assert.deepEqual(await app.db.memory.search(NAMESPACE, 'summary', 10), [])
})

test('impossible usage compacts nothing, and no number of it is shown or kept', async (t) => {
  const { model, say, client } = await rig(t, { agent: { autoCompact: false } })
  for (const usage of [
    { input: 1e18, output: 1 },
    { input: -1_000_000, output: 1 },
    { input: 0, output: 0 },
    { input: 0.5, output: 1e300 }
  ]) {
    model.reply({ text: 'Hello.', usage })
    const frames = await say('hello')
    assert.equal(warningIn(frames), undefined)
    const { inputTokens, outputTokens } = frames.at(-1)!.result.usage
    assert.ok(inputTokens > 0 && inputTokens < 5000 && outputTokens > 0 && outputTokens < 10, `${inputTokens} ${outputTokens}`)
  }
  const [{ budget }] = (await client.call('system.contextUsage')).sessions
  assert.ok(budget.estimatedTokens > 0 && budget.estimatedTokens < 5000)
})
