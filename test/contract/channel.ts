import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { GatewayInstance } from '../../plugins/define.ts'

/** A message as the platform would send it. */
export interface PlatformMessage {
  /** The platform's own id. */
  readonly id: string
  readonly text: string
}

/** A gateway with the channel, and a local server that plays its platform. */
export interface ChannelRig {
  readonly app: GatewayInstance
  /** Delivers a message to the gateway, signed as the platform signs; `wrong`: by an impostor. */
  send(message: PlatformMessage, options?: { wrong?: boolean }): Promise<{ readonly status: number }>
  /** The session that `send` writes to. */
  readonly sessionId: string
  /** The texts that arrived at the platform, in order. */
  readonly heard: readonly string[]
  /** Resolves once that many texts have arrived in all. */
  arrived(count: number): Promise<void>
  /** The platform answers as if it were overloaded, in the way that may be tried again; with `false` it works again. */
  overload(on: boolean): void
  /** Ends the gateway and starts another one over the same database. */
  restart(): Promise<void>
}

/** Number of conversations with undelivered answers. */
async function waiting({ app }: ChannelRig): Promise<number> {
  return (await app.db.outbox.due(Number.MAX_SAFE_INTEGER, 100)).length
}

/**
 * Contract of every channel. `open` makes new fixtures that close with the test; its gateway has the offline model, which repeats what comes
 * after "Say": answers are short, and a channel may have a low limit.
 */
export function channelContract(kind: string, open: (t: TestContext) => Promise<ChannelRig>): void {
  const isAck = ({ status }: { status: number }): boolean => status >= 200 && status < 300

  test(`${kind}: a message reaches the agent, and its answer comes back`, async (t) => {
    const rig = await open(t)
    assert.ok(isAck(await rig.send({ id: 'm1', text: 'Say hello from outside' })))
    await rig.arrived(1)
    assert.match(rig.heard[0]!, /hello from outside/)
    assert.ok(await rig.app.db.sessions.get(rig.sessionId))
  })

  test(`${kind}: a message of an impostor is refused and does not reach the agent`, async (t) => {
    const rig = await open(t)
    const { status } = await rig.send({ id: 'm1', text: 'Hello' }, { wrong: true })
    assert.ok(status === 401 || status === 403, String(status))
    assert.equal(await rig.app.db.sessions.get(rig.sessionId), undefined)
  })

  test(`${kind}: the same delivery twice, at the same moment and after a restart, is one message`, async (t) => {
    const rig = await open(t)
    const twice = await Promise.all([1, 2].map(() => rig.send({ id: 'm1', text: 'Say once' })))
    assert.ok(twice.every(isAck))
    await rig.arrived(1)
    await rig.restart()
    assert.ok(isAck(await rig.send({ id: 'm1', text: 'Say once' })))
    assert.ok(isAck(await rig.send({ id: 'm2', text: 'Say another' })))
    await rig.arrived(2)
    const questions = (await rig.app.db.messages.history(rig.sessionId)).filter(({ role }) => role === 'user')
    assert.deepEqual(
      questions.map(({ content }) => content.includes('once')),
      [true, false]
    )
  })

  test(`${kind}: an answer that the platform does not take yet arrives later`, async (t) => {
    const rig = await open(t)
    rig.overload(true)
    assert.ok(isAck(await rig.send({ id: 'm1', text: 'Say patience' })))
    while ((await waiting(rig)) === 0) await new Promise(setImmediate)
    rig.overload(false)
    await rig.arrived(1)
    assert.match(rig.heard[0]!, /patience/)
  })

  test(`${kind}: a long answer comes in parts, in order, and nothing of it is missing`, async (t) => {
    const rig = await open(t)
    const { name } = rig.app.channels.get(rig.sessionId.slice(0, rig.sessionId.indexOf(':')))!
    const { limit } = rig.app.channels.get(name)!
    const words = Array.from(
      { length: Math.ceil((2.2 * Math.min(limit, 20_000)) / 8) },
      (_, index) => `w${String(index).padStart(6, '0')}`
    )
    assert.ok(isAck(await rig.send({ id: 'm1', text: `Say ${words.join(' ')}` })))
    await rig.arrived(limit > 20_000 ? 1 : 2)
    while ((await waiting(rig)) > 0) await new Promise(setImmediate)
    for (const text of rig.heard) assert.ok(text.length <= limit, `${text.length} characters`)
    const found = rig.heard.join(' ').match(/w\d{6}/g) ?? []
    assert.deepEqual(found.slice(0, words.length), words)
  })
}
