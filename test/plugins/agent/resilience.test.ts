import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build, connect, type Frame, scratch, type TestClient } from '../../helper.ts'
import { type Reply, startModelServer } from '../../model-server.ts'
import { API_KEY, slowTool, told, transcript, withModel } from './fixtures.ts'

const never = new Promise<void>(() => {})

/** Waits until the text of that event has come. */
const content = (client: TestClient, id: number, text: string): Promise<Frame> =>
  client.frame((frame) => frame.id === id && frame.event === 'content' && frame.data.text === text)

test('a run outlives the connection that asked for it: its transcript is complete and its lane free', async (t) => {
  const { url, model, app } = await withModel(t)
  const gate = Promise.withResolvers<void>()
  model.reply(
    {
      text: ['Half of ', 'the first step.'],
      until: gate.promise,
      toolCalls: [{ name: 'memory_put', args: { key: 'a', value: 'b' } }]
    },
    { text: 'The rest.' }
  )
  const [client, other] = [await connect(t, url), await connect(t, url)]
  const id = client.start('agent.send', { message: 'go', sessionId: 'x:1' })
  await content(client, id, 'Half of ')
  client.socket.terminate()
  while (app.connections.size > 1) await setImmediate()
  gate.resolve()
  // In the same lane: answered once the run before it has ended.
  await other.call('agent.send', { message: 'and?', sessionId: 'x:1' })
  assert.deepEqual(transcript(await other.call('sessions.get')), [
    'user complete: go',
    'assistant complete: Half of the first step.',
    'assistant complete: The rest.',
    'user complete: and?',
    'assistant complete: Hello from the model.'
  ])
  assert.equal(app.lanes.has('x:1'), false)
})

test('a run over its time is stopped and says so, what it said is kept as partial, and the next one runs', async (t) => {
  const { url, model } = await withModel(t, { agent: { runTimeoutSeconds: 30 } })
  model.reply({ text: 'I think', until: never })
  const client = await connect(t, url)
  const asked = model.next()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const id = client.start('agent.send', { message: 'think', sessionId: 'x:1' })
  await content(client, id, 'I think')
  t.mock.timers.tick(30_000)
  const { error } = await client.final(id)
  t.mock.timers.reset()
  assert.equal(error.code, 5)
  assert.equal(error.message, 'The run took longer than 30 seconds and was stopped')
  assert.deepEqual(told(client.frames, id), ['content I think', 'error event 5', 'error 5'])
  assert.equal(client.events(id).at(-1)?.data.message, error.message)
  await (await asked).closed
  assert.deepEqual(transcript(await client.call('sessions.get')), ['user complete: think', 'assistant partial: I think'])
  assert.equal((await client.call('agent.send', { message: 'again' })).content, 'Hello from the model.')
})

test('a tool that hangs ends with the time of its run', async (t) => {
  const { plugin, called, answer } = slowTool()
  const { url, model } = await withModel(t, { plugins: [plugin] })
  model.reply({ toolCalls: [{ name: 'test_slow', args: {} }] })
  const client = await connect(t, url)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const id = client.start('agent.send', { message: 'go' })
  const signal = await called
  signal.addEventListener('abort', () => answer('stopped'))
  t.mock.timers.tick(600_000)
  assert(signal.aborted)
  assert.equal((await client.final(id)).error.code, 5)
  assert.deepEqual(told(client.frames, id), ['tool_start', 'error event 5', 'error 5'])
})

/** Texts that no client may see: keys, addresses, stacks, files. */
const PRIVATE = [API_KEY, /https?:/, /127\.0\.0\.1/, /\/v1/, /\n\s+at /, /\.ts\b/, /node_modules/, /AI_/]

function assertPresentable(message: string): void {
  for (const secret of PRIVATE) {
    assert(typeof secret === 'string' ? !message.includes(secret) : !secret.test(message), `${message} matches ${secret}`)
  }
}

test('a provider that fails in the middle ends the run with its error, and what it said stays as partial', async (t) => {
  const { url, model } = await withModel(t)
  const client = await connect(t, url)
  const text = ['Half an ', 'answer']
  for (const [n, fault] of (['error', 'cut', 'end', 'malformed'] as const).entries()) {
    model.reply({ text, fault })
    const id = client.start('agent.send', { message: 'go', sessionId: `x:${n}` })
    const { error } = await client.final(id)
    assert.equal(error.code, 5, fault)
    assert.match(error.message, /^The model provider anthropic /)
    assertPresentable(JSON.stringify(error))
    assert.deepEqual(told(client.frames, id), ['content Half an ', 'content answer', 'error event 5', 'error 5'], fault)
    assert.deepEqual(client.events(id).at(-1)?.data, { code: error.code, message: error.message })
    assert.deepEqual(
      transcript(await client.call('sessions.get')),
      ['user complete: go', 'assistant partial: Half an answer'],
      fault
    )
    assert.equal((await client.call('agent.send', { message: 'again' })).content, 'Hello from the model.')
  }
})

test('a provider that refuses ends the run with an error that shows neither key nor address', async (t) => {
  const { url, model } = await withModel(t)
  const client = await connect(t, url)
  const message = `wrong key ${API_KEY} at http://127.0.0.1/v1/messages (/srv/app/index.ts:1)`
  const replies: Reply[] = [400, 401, 403, 404, 413, 429, 500, 503, 529].map((status) => ({ status, message }))
  for (const [n, reply] of replies.entries()) {
    model.reply(reply)
    const id = client.start('agent.send', { message: 'go', sessionId: `x:${n}` })
    const { error } = await client.final(id)
    assert.equal(error.code, 5)
    assertPresentable(JSON.stringify(error))
    assert.deepEqual(told(client.frames, id), ['error event 5', 'error 5'])
    assert.equal(client.events(id)[0]?.data.message, error.message)
    assert.deepEqual(transcript(await client.call('sessions.get')), ['user partial: go'])
  }
})

test('a provider that cannot be reached is named as such', async (t) => {
  const nobody = createServer().listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const { port } = nobody.address() as { port: number }
  nobody.close()
  const baseUrl = `http://127.0.0.1:${port}/v1`
  const { url } = await build(t, { config: { models: { default: { anthropic: { apiKey: API_KEY, model: 'm', baseUrl } } } } })
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: 'go' })
  const { error } = await client.final(id)
  assert.equal(error.message, 'The model provider anthropic could not be reached: check base_url, and whether it runs')
  assertPresentable(JSON.stringify(error))
})

test('a tool that throws is an answer to the model that shows nothing of the error', async (t) => {
  const { plugin, called, answer } = slowTool()
  const { url, model } = await withModel(t, { plugins: [plugin] })
  model.reply({ toolCalls: [{ name: 'test_slow', args: {} }] })
  const client = await connect(t, url)
  const id = client.start('agent.send', { message: 'go' })
  await called
  answer(Promise.reject(new Error(`${API_KEY} in /srv/app/tool.ts`)) as never)
  assert.equal((await client.final(id)).result.content, 'Hello from the model.')
  const end = client.events(id).find(({ event }) => event === 'tool_end')
  assert.deepEqual(end?.data.result, { success: false, output: '', error: 'the tool failed' })
  const heard = model.requests.at(-1)!.body.messages.at(-1).content[0]
  assert.deepEqual([heard.is_error, heard.content], [true, 'the tool failed'])
})

/** The gateway as a process of its own. */
async function start(t: TestContext, dataDir: string, baseUrl: string) {
  const program = fileURLToPath(new URL('../../../cli.ts', import.meta.url))
  const child = spawn(process.execPath, [program, '--port', '0'], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH ?? '',
      FLYNN_DATA_DIR: dataDir,
      FLYNN_MODELS__DEFAULT__ANTHROPIC__API_KEY: API_KEY,
      FLYNN_MODELS__DEFAULT__ANTHROPIC__MODEL: 'test-model',
      FLYNN_MODELS__DEFAULT__ANTHROPIC__BASE_URL: baseUrl
    },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => child.kill('SIGKILL'))
  for await (const line of createInterface(child.stdout)) {
    const url = /Flynn gateway on (http:[^,]+),/.exec(line)?.[1]
    if (url) return { child, url }
  }
  throw new Error('the gateway did not start')
}

test('a process that is killed in the middle of an answer leaves it marked as interrupted, and the session works on', async (t) => {
  const dataDir = await scratch(t)
  const model = await startModelServer(t)
  const { child, url } = await start(t, dataDir, model.baseUrl)
  const client = await connect(t, url)
  await client.call('agent.send', { message: 'hello', sessionId: 'x:1' })
  model.reply({ text: 'Half an ', until: never })
  const asked = model.next()
  const id = client.start('agent.send', { message: 'tell me', sessionId: 'x:1' })
  const { runId } = await content(client, id, 'Half an ')
  const kept = await client.call('sessions.get')
  assert.deepEqual(transcript(kept).slice(2), ['user complete: tell me', 'assistant partial: Half an '])
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  await (await asked).closed

  const models = { default: { anthropic: { apiKey: API_KEY, model: 'test-model', baseUrl: model.baseUrl } } }
  const { url: again, app } = await build(t, { config: { dataDir, models } })
  const after = await connect(t, again)
  const details = await after.call('sessions.get', { sessionId: 'x:1' })
  assert.deepEqual(transcript(details), [
    'user complete: hello',
    'assistant complete: Hello from the model.',
    'user complete: tell me',
    'assistant interrupted: Half an '
  ])
  const run = await app.db.runs.get(runId)
  assert.equal(run?.status, 'interrupted')
  assert.equal(typeof run?.endedAt, 'number')
  assert.equal(app.lanes.has('x:1'), false, 'it is not run again by itself')

  const { content: answer } = await after.call('agent.send', { message: 'go on', sessionId: 'x:1' })
  assert.equal(answer, 'Hello from the model.')
  assert.deepEqual(
    model.requests.at(-1)!.body.messages.map(({ role, content }: Frame) => [role, content[0].text]),
    [
      ['user', 'hello'],
      ['assistant', 'Hello from the model.'],
      ['user', 'tell me'],
      ['assistant', 'Half an '],
      ['user', 'go on']
    ]
  )
})
