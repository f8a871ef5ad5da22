import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Disconnected, type GatewayClient, RpcError } from '../../../rpc/client/index.ts'
import { clientFor, collect, eagerClock } from './fixtures.ts'
import { type ScriptedGateway, startScripted } from './scripted-gateway.ts'

const RUN = { sessionId: 'cli:me', runId: 'run' }
const result = (content: string) => ({ ...RUN, content, response: content, usage: { inputTokens: 1, outputTokens: 2 } })
const content = (id: number, seq: number, text: string, fromSeq?: number) => ({
  id,
  event: 'content',
  data: { text },
  ...RUN,
  seq,
  ...(fromSeq === undefined ? {} : { fromSeq })
})

/** A client whose message has one event, and whose connection then breaks; answers the resume that follows. */
async function broken(
  t: TestContext
): Promise<{ gateway: ScriptedGateway; client: GatewayClient; run: ReturnType<typeof sendOf>; id: number }> {
  const gateway = await startScripted(t)
  const clock = { ...eagerClock, setTimeout: (run: () => void, ms: number): unknown => setTimeout(run, ms / 100) }
  const client = clientFor(t, gateway.url, { clock })
  const run = sendOf(client)
  const { id } = await gateway.request('agent.send')
  gateway.send({
    id,
    event: 'accepted',
    data: { messageId: 'm', position: 0, mode: 'followup', preview: '' },
    sessionId: 'cli:me'
  })
  gateway.send(content(id, 1, 'one '))
  await run[Symbol.asyncIterator]().next()
  gateway.sockets[0]!.terminate()
  const resume = await gateway.request('sessions.resume')
  assert.deepEqual(resume.params, { sessionId: 'cli:me', runId: 'm', afterSeq: 1 })
  return { gateway, client, run, id: resume.id }
}

const sendOf = (client: GatewayClient) => client.session('cli:me').send('hello')

async function textOf(run: ReturnType<typeof sendOf>): Promise<string[]> {
  const pieces: string[] = []
  for await (const piece of run.text()) pieces.push(piece)
  return pieces
}

test('events that the gateway no longer has become a gap, and the text is complete', async (t) => {
  const { gateway, run, id } = await broken(t)
  const error = { code: -2, message: 'too long ago', data: { runId: 'run', firstSeq: 5 } }
  gateway.send({ id, error })
  const again = await gateway.request('sessions.resume', 2)
  assert.deepEqual(again.params, { sessionId: 'cli:me', runId: 'm', afterSeq: 4 })
  gateway.send(content(again.id, 5, 'five'))
  gateway.send({ id: again.id, event: 'done', data: { content: '' }, ...RUN, seq: 6 })
  gateway.send({ id: again.id, result: result('one two five') })
  assert.deepEqual(await textOf(run), ['one ', 'two five'])
  assert.deepEqual(
    (await collect(run)).map(({ event }) => event),
    ['content', 'gap', 'content', 'done']
  )
})

test('a result without its events completes the text', async (t) => {
  const { gateway, run, id } = await broken(t)
  gateway.send({ id, result: result('one and all the rest') })
  assert.deepEqual(await textOf(run), ['one ', 'and all the rest'])
  assert.deepEqual(
    (await collect(run)).map(({ event }) => event),
    ['content', 'gap']
  )
})

test('only the new part of merged events is delivered', async (t) => {
  const { gateway, run, id } = await broken(t)
  gateway.send(content(id, 3, 'one two three ', 1))
  gateway.send(content(id, 3, 'three ', 3))
  gateway.send({ id, event: 'done', data: { content: '' }, ...RUN, seq: 4 })
  gateway.send({ id, result: result('one two three ') })
  assert.deepEqual(await textOf(run), ['one ', 'two three '])
  assert.deepEqual(
    (await collect(run)).map(({ seq, fromSeq }) => [fromSeq, seq]),
    [
      [undefined, 1],
      [2, 3],
      [undefined, 4]
    ]
  )
})

test('a message that is run again begins at 1', async (t) => {
  const { gateway, run, id } = await broken(t)
  const again = { sessionId: 'cli:me', runId: 'second' }
  gateway.send({ ...content(id, 1, 'anew'), ...again })
  gateway.send({ id, event: 'done', data: { content: 'anew' }, ...again, seq: 2 })
  gateway.send({ id, result: { ...result('anew'), ...again } })
  assert.equal((await run).content, 'anew')
  assert.deepEqual(
    (await collect(run)).map(({ runId, seq }) => [runId, seq]),
    [
      ['run', 1],
      ['second', 1],
      ['second', 2]
    ]
  )
})

test('a resume that the gateway has no room for is tried again', async (t) => {
  const { gateway, run, id } = await broken(t)
  gateway.send({ id, error: { code: 3, message: 'busy', data: { retryable: true, retryAfterMs: 1 } } })
  const again = await gateway.request('sessions.resume', 2)
  gateway.send({ id: again.id, result: result('one') })
  assert.equal((await run).content, 'one')
})

test('a message of a session that was deleted ends', async (t) => {
  const { gateway, run, id } = await broken(t)
  gateway.send({ id, error: { code: 1, message: 'no such session', data: { retryable: false } } })
  await assert.rejects(Promise.resolve(run), (error) => error instanceof RpcError && error.code === 1)
})

test('a refusal is what every way of waiting throws', async (t) => {
  const gateway = await startScripted(t)
  const run = sendOf(clientFor(t, gateway.url))
  const { id } = await gateway.request('agent.send')
  gateway.send({ id, error: { code: 3, message: 'busy', data: { retryable: true, retryAfterMs: 250 } } })
  const busy = (error: unknown) => error instanceof RpcError && error.retryable && error.retryAfterMs === 250
  await assert.rejects(Promise.resolve(run), busy)
  await assert.rejects(run.accepted, busy)
  await assert.rejects(collect(run), busy)
  await assert.rejects(textOf(run), busy)
  assert.equal(await run.cancel(), false)
})

test('a key that the gateway no longer knows is not sent again', async (t) => {
  const gateway = await startScripted(t)
  let now = Date.now()
  const clock = {
    now: () => now,
    random: () => 0,
    setTimeout,
    clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout)
  }
  const run = sendOf(clientFor(t, gateway.url, { clock }))
  await gateway.request('agent.send')
  now += 24 * 3_600_000
  gateway.sockets[0]!.terminate()
  await assert.rejects(Promise.resolve(run), (error) => error instanceof Disconnected && error.sent)
  assert.equal(gateway.requests.length, 1)
})

test('the same key in the same session is the same handle', async (t) => {
  const gateway = await startScripted(t)
  const session = clientFor(t, gateway.url).session('cli:me')
  const run = session.send('hello', { idempotencyKey: 'k' })
  assert.equal(session.send('hello', { idempotencyKey: 'k' }), run)
  assert.equal(run.id, 'k')
})
