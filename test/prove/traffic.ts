import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { signStandard } from '../../plugins/channels/webhooks/signatures.ts'
import { type Cleanup, connect, type Frame, rejection, type TestClient } from '../helper.ts'
import { type Answer, type ModelServer, startModelServer } from '../model-server.ts'
import { Resources } from './resources.ts'

/** The gateway under load, and the end of the load. */
export interface Target {
  readonly url: string
  readonly token: string
  readonly secret: string
  readonly signal: AbortSignal
}

/** Work that the gateway did so far. */
export interface Counts {
  answered: number
  refused: number
  tools: number
  resumed: number
  reconnected: number
  webhooks: number
  followed: number
  deleted: number
}

export const newCounts = (): Counts => ({
  answered: 0,
  refused: 0,
  tools: 0,
  resumed: 0,
  reconnected: 0,
  webhooks: 0,
  followed: 0,
  deleted: 0
})

/** Messages of one session before it is deleted: history, runs and workspaces must not be what grows. */
const MESSAGES_PER_SESSION = 20
const PIECES = Array.from({ length: 20 }, (_, n) => `piece ${n} of the answer. `)

/** A model that streams, calls the tools that a message asks for, and refuses when a message asks for that. */
export async function startModel(t: Cleanup): Promise<ModelServer> {
  const model = await startModelServer(t)
  model.rule(({ body }) => {
    model.forget()
    const last = (body.messages as Frame[]).at(-1)!
    if (last.role !== 'user') return answer()
    const text = typeof last.content === 'string' ? last.content : (last.content.at(-1).text as string)
    // The end alone: a refused message stands before the next one, as a note.
    if (text.endsWith('[refuse]')) return { status: 503, message: 'overloaded' }
    return text.endsWith('[tools]') ? tools(text) : answer()
  })
  return model
}

const answer = (): Answer => ({ text: PIECES, usage: { input: 100, output: 100 } })

const tools = (text: string): Answer => ({
  toolCalls: [
    { name: 'memory_put', args: { key: 'last', value: text.slice(0, 200) } },
    { name: 'file_write', args: { path: 'last.txt', content: text.repeat(20) } }
  ],
  usage: { input: 100, output: 20 }
})

/** One person: a session after the other, on a connection that breaks now and then. Ends with the signal. */
export async function talk(target: Target, person: number, counts: Counts, pauseMs: number): Promise<void> {
  for (let turn = 0; !target.signal.aborted; turn++) {
    const sessionId = `soak:${person}-${turn % 50}`
    let client = await open(target)
    for (let n = 0; n < MESSAGES_PER_SESSION && !target.signal.aborted; n++) {
      await pause(target, pauseMs)
      const kind = n % 10
      if (kind === 3) {
        await client.end()
        client = await open(target)
        counts.reconnected++
      }
      if (kind === 5) {
        const error = await rejection(ask(client, { sessionId, message: `message ${n} [refuse]` }))
        assert.equal(error.code, 5, JSON.stringify(error))
        counts.refused++
      } else if (kind === 7) {
        client = await interruptedRun(target, client, sessionId, counts)
      } else if (kind === 8) {
        await Promise.all(
          [0, 1, 2].map((one) => ask(client, { sessionId, message: `message ${n}.${one}`, queueMode: 'collect' }))
        )
        counts.answered += 3
      } else {
        const wanted = kind === 2 || kind === 6 ? ' [tools]' : ''
        await ask(client, { sessionId, message: `message ${n}${wanted}` })
        counts.answered++
        if (wanted) counts.tools += 2
      }
    }
    await client.call('sessions.delete', { sessionId })
    counts.deleted++
    await client.end()
  }
}

/** Sends a message, loses the connection in the middle of the answer, and gets the rest over another one without a gap. */
async function interruptedRun(target: Target, client: Opened, sessionId: string, counts: Counts): Promise<Opened> {
  const id = client.start('agent.send', { sessionId, message: 'message of a connection that breaks' })
  const first = await client.frame((frame) => frame.id === id && frame.event === 'content')
  const seen = client.frames.filter((frame) => frame.id === id && frame.seq !== undefined).at(-1)!.seq as number
  await client.end()
  const next = await open(target)
  const resumed = next.start('sessions.resume', { sessionId, runId: first.runId, afterSeq: seen })
  const { result } = await next.final(resumed)
  assert.equal(result?.content, PIECES.join(''))
  let before = seen
  for (const { seq, fromSeq = seq } of next.events(resumed)) {
    assert.equal(fromSeq, before + 1, 'a resumed run has a gap')
    before = seq
  }
  counts.answered++
  counts.resumed++
  return next
}

/** Follows one person's session after the other, on a connection of its own. */
export async function follow(target: Target, people: number, counts: Counts): Promise<void> {
  for (let n = 0; !target.signal.aborted; n++) {
    const client = await open(target)
    const sessionId = `soak:${n % people}-0`
    const id = client.start('sessions.subscribe', { sessionId })
    const frame = await client.final(id)
    // A session that was just deleted, or never begun, cannot be followed.
    if (frame.error) assert.equal(frame.error.code, 1, JSON.stringify(frame.error))
    await pause(target, 5_000)
    counts.followed += client.frames.length
    if (!frame.error) await client.call('sessions.unsubscribe', { sessionId })
    await client.end()
  }
}

/** Posts signed webhooks; every fifth comes twice, as senders repeat them. */
export async function post(target: Target, counts: Counts, pauseMs: number): Promise<void> {
  for (let n = 0; !target.signal.aborted; n++) {
    await pause(target, pauseMs)
    const request = {
      id: `delivery-${n}`,
      timestamp: Math.floor(Date.now() / 1000),
      body: JSON.stringify({ n, text: `webhook ${n}` })
    }
    const headers = { 'content-type': 'application/json', ...signStandard(target.secret, request) }
    for (let times = n % 5 === 0 ? 2 : 1; times > 0; times--) {
      const response = await fetch(`${target.url}/webhooks/soak`, { method: 'POST', headers, body: request.body })
      assert.equal(response.status, 202, await response.text())
    }
    counts.webhooks++
  }
}

/** Reads what operators and probes read. */
export async function watch(target: Target, pauseMs: number): Promise<void> {
  const headers = { authorization: `Bearer ${target.token}` }
  while (!target.signal.aborted) {
    await pause(target, pauseMs)
    for (const path of ['/health', '/ready', '/metrics', '/']) {
      const response = await fetch(`${target.url}${path}`, { headers })
      assert.equal(response.status, 200, `${path}: ${await response.text()}`)
    }
  }
}

type Opened = TestClient & { end(): Promise<void> }

/** A connection whose resources are freed at its end, not at that of the soak. */
async function open({ url, token }: Target): Promise<Opened> {
  const resources = new Resources()
  const client = await connect(resources, url, { token })
  return Object.assign(client, { end: () => resources.end() })
}

function ask(client: TestClient, params: Frame): Promise<Frame> {
  return client.call('agent.send', params)
}

async function pause({ signal }: Target, ms: number): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => {})
}
