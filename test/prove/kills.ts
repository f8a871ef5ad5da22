import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { open } from '../../db/client.ts'
import { type Cleanup, connect, type Frame, scratch } from '../helper.ts'
import { type Running, stop, up } from '../program.ts'

const SESSIONS = 200
const SOCKETS = 6
/** Messages of one socket in progress; a little less than its limit. */
const AT_ONCE = 50

/** A message that the gateway reported as accepted. */
interface Acknowledged {
  readonly sessionId: string
  readonly messageId: string
  readonly text: string
  readonly mode: string
  /** Round and socket it came over, and its place there: messages of one socket are accepted in order. */
  readonly source: string
  readonly place: number
}

/** The same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Keeps every socket full until the process is killed, after a random number of accepted messages. */
async function load(t: Cleanup, gateway: Running, round: number, below: (n: number) => number): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  const killed = once(gateway.child, 'exit')
  const after = 20 + below(250)
  let sent = 0
  const clients = await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      const client = await connect(t, gateway.url)
      await client.call('system.hello', { events: ['accepted'] })
      return client
    })
  )
  for (const [socket, client] of clients.entries()) {
    const texts = new Map<number, string>()
    const next = (): void => {
      const text = `say ${round}.${sent++} ${'and so on '.repeat(below(8))}`.trim()
      const mode = ['followup', 'followup', 'collect', 'steer', 'steer_backlog'][below(5)]!
      const id = client.start('agent.send', { sessionId: `load:${below(SESSIONS)}`, message: text, queueMode: mode })
      texts.set(id, text)
    }
    client.socket.on('message', (data) => {
      const { id, event, data: payload, sessionId, ...frame } = JSON.parse(String(data)) as Frame
      if (event === 'accepted') {
        const { messageId, mode } = payload
        acknowledged.push({ sessionId, messageId, text: texts.get(id)!, mode, source: `${round} ${socket}`, place: id })
        if (acknowledged.length === after) gateway.child.kill('SIGKILL')
      } else if (('result' in frame || 'error' in frame) && client.socket.readyState === client.socket.OPEN) next()
    })
    for (let n = 0; n < AT_ONCE; n++) next()
  }
  await killed
  return acknowledged
}

/** Final frame of each message, asked for by its id. */
async function outcomes(t: Cleanup, url: string, messages: readonly Acknowledged[]): Promise<Map<string, Frame>> {
  const client = await connect(t, url)
  const found = new Map<string, Frame>()
  const rest = [...messages]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = rest.pop(); next; next = rest.pop()) {
        const { sessionId, messageId } = next
        found.set(messageId, await client.final(client.start('sessions.resume', { sessionId, runId: messageId })))
      }
    })
  )
  return found
}

/** Runs that one message may have had when its gateway was killed, by `lanes.recovery`. */
const ATTEMPTS = { abandon: 1, retry: 3 } as const
export type Recovery = keyof typeof ATTEMPTS

export interface Killed {
  /** Messages that a gateway reported as accepted. */
  readonly accepted: number
  /** Those that were answered; the others ended as interrupted. */
  readonly completed: number
}

/**
 * Kills a gateway under load again and again, on one database, and starts it once more. Fails when an accepted message is lost, has no
 * outcome, ran more often than its recovery allows, or was overtaken.
 */
export async function killUnderLoad(t: Cleanup, recovery: Recovery, kills: number, seed: number): Promise<Killed> {
  const cwd = await scratch(t)
  const env = { FLYNN_LANES__RECOVERY: recovery, FLYNN_LANES__DEFAULT__CAP: '1000', FLYNN_LANES__DEFAULT__DEBOUNCE_MS: '0' }
  const below = random(seed)
  const acknowledged: Acknowledged[] = []
  for (let round = 1; round <= kills; round++) {
    acknowledged.push(...(await load(t, await up(t, cwd, ['--port', '0'], env), round, below)))
  }
  const last = await up(t, cwd, ['--port', '0'], env)
  const found = await outcomes(t, last.url, acknowledged)
  assert.equal(await stop(last), 0)

  const db = await open({ file: join(cwd, 'data', 'flynn.db') })
  t.after(() => db.close())
  // Messages that were stored and not yet acknowledged when the process was killed may still wait: the next start runs them.
  const waiting = new Set((await db.queue.unended()).map(({ id }) => id))
  assert.deepEqual(
    acknowledged.filter(({ messageId }) => waiting.has(messageId)),
    []
  )
  const histories = await Promise.all(
    [...new Set(acknowledged.map(({ sessionId }) => sessionId))].map((sessionId) => db.messages.history(sessionId))
  )
  const asked = Map.groupBy(
    histories.flat().filter(({ role }) => role === 'user'),
    ({ content }) => content
  )
  let completed = 0
  for (const { messageId, text, mode } of acknowledged) {
    const { result, error } = found.get(messageId)!
    const times = asked.get(text)?.length ?? 0
    // A steered message with an answer of its own is asked in two runs.
    assert.ok(times <= ATTEMPTS[recovery] * (mode === 'steer_backlog' ? 2 : 1), `${text} was asked ${times} times`)
    if (result) {
      completed++
      assert.ok(times >= 1, `${text} was answered and never asked`)
    } else assert.match(error.message, /^The gateway ended/)
  }
  const inOrder = acknowledged.filter(({ mode }) => mode === 'followup' || mode === 'collect')
  for (const messages of Map.groupBy(inOrder, ({ sessionId, source }) => `${sessionId} ${source}`).values()) {
    const sent = messages.toSorted((one, other) => one.place - other.place).filter(({ text }) => asked.has(text))
    const heard = sent.map(({ text }) => asked.get(text)![0]!.id)
    assert.deepEqual(
      heard,
      heard.toSorted((one, other) => one - other),
      `out of order: ${sent.map(({ text }) => text)}`
    )
  }
  return { accepted: acknowledged.length, completed }
}
