import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { connect, type Frame, scratch } from '../../helper.ts'
import { type ModelServer, startModelServer } from '../../model-server.ts'
import { up } from '../../program.ts'
import { SESSION, textsOf, tokens } from './fixtures.ts'

async function program(t: TestContext): Promise<{ folder: string; model: ModelServer }> {
  const [folder, model] = await Promise.all([scratch(t), startModelServer(t)])
  const settings = `{ base_url: '${model.baseUrl}', model: test, context_window: 200000 }`
  await writeFile(path.join(folder, 'flynn.yaml'), `models: { default: { openai_compatible: ${settings} } }\n`)
  return { folder, model }
}

/** Sends a message to a new process, and kills that at the given moment. */
async function killed(t: TestContext, folder: string, moment: (frame: Promise<Frame>) => Promise<unknown>): Promise<void> {
  const { child, url } = await up(t, folder)
  const client = await connect(t, url)
  client.start('agent.send', { message: 'question 1', sessionId: SESSION })
  const warned = client.frame(({ event }) => event === 'context_warning')
  warned.catch(() => {})
  await moment(warned)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

test('a process killed while the summary is written has compacted nothing, and nothing is lost', async (t) => {
  const { folder, model } = await program(t)
  model.reply({ text: 'answer 1', ...tokens(172_000) }, { silence: true })
  const summary = model.next().then(() => model.next())
  await killed(t, folder, () => summary)

  const { url } = await up(t, folder)
  const client = await connect(t, url)
  const { sessions } = await client.call('system.contextUsage')
  assert.deepEqual([sessions[0].sessionId, sessions[0].budget.estimatedTokens], [SESSION, 172_000])
  await client.call('agent.send', { message: 'question 2', sessionId: SESSION })
  assert.deepEqual(textsOf(model.requests.at(-1)!), ['user: question 1', 'assistant: answer 1', 'user: question 2'])
})

test('a process killed as soon as it has compacted goes on with the summary, and shows everything', async (t) => {
  const { folder, model } = await program(t)
  model.reply({ text: 'answer 1', ...tokens(172_000) }, { text: 'A SUMMARY' })
  await killed(t, folder, (warned) => warned)

  const { url } = await up(t, folder)
  const client = await connect(t, url)
  const { sessions } = await client.call('system.contextUsage')
  assert.equal(sessions[0].budget.shouldCompact, false)
  await client.call('agent.send', { message: 'question 2', sessionId: SESSION })
  const [first, ...rest] = textsOf(model.requests.at(-1)!)
  assert.match(first!, /A SUMMARY/)
  assert.deepEqual(rest, ['assistant: answer 1', 'user: question 2'])
  const { history } = await client.call('sessions.get', { sessionId: SESSION })
  assert.deepEqual(
    history.slice(0, 2).map(({ content }: Frame) => content),
    ['question 1', 'answer 1']
  )
})
