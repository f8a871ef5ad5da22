import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { KEEP_MS } from '../../../plugins/bus/replay-retention.ts'
import type { Notice, RunEvent } from '../../../rpc/schemas/run-events.ts'
import { listener, NOTHING, result, rig, SESSION } from './fixtures.ts'

const CONNECTIONS = ['c1', 'c2'] as const

/** One listener, and where in the run it stands. */
interface Watcher {
  readonly seqs: () => number[]
  /** The first event it is owed. */
  readonly from: number
  /** The newest event it is owed; absent while it listens. */
  until?: number
  stop(): void
}

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('emit' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resume' as const), afterSeq: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('follow' as const), message: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const), message: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('subscribe' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), which: fc.nat(30) }) },
  // A listener that speaks while it is told something.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('echo' as const), afterSeq: fc.nat(30) }) }
)

test('whatever happens in which order: each listener is told each event after its point once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      const { bus, clock, problems } = rig()
      const stream = bus.stream(SESSION, 'r1')
      const watchers: Watcher[] = []
      const joinedAt = new Map<string, number>()
      /** Of messages that are not part of the run yet. */
      const early: { messageId: string; seqs: () => number[]; stop: () => void }[] = []
      const watch = (
        from: number,
        begin: (listen: (event: RunEvent | Notice) => void) => { stop: () => void } | (() => void)
      ) => {
        const { listen, seqs } = listener()
        const begun = begin(listen)
        watchers.push({ seqs, from, stop: typeof begun === 'function' ? begun : begun.stop })
      }

      for (const act of actions) {
        if (act.kind === 'emit') stream.emit('content', { text: 'x' })
        else if (act.kind === 'resume') {
          const afterSeq = act.afterSeq
          watch(Math.min(afterSeq, stream.seq) + 1, (listen) => bus.replay(stream, { afterSeq }, listen))
        } else if (act.kind === 'subscribe') watch(stream.seq + 1, (listen) => bus.subscribe(SESSION, {}, listen))
        else if (act.kind === 'follow') {
          const messageId = `m${act.message}`
          const joined = joinedAt.get(messageId)
          if (joined !== undefined) watch(joined + 1, (listen) => bus.follow({ sessionId: SESSION, messageId }, listen))
          else {
            const { listen, seqs } = listener()
            early.push({ messageId, seqs, ...bus.follow({ sessionId: SESSION, messageId }, listen) })
          }
        } else if (act.kind === 'join') {
          const messageId = `m${act.message}`
          if (!joinedAt.has(messageId)) joinedAt.set(messageId, stream.seq)
          bus.joined(SESSION, 'r1', messageId)
        } else if (act.kind === 'stop') {
          const watcher = watchers[act.which]
          if (watcher && watcher.until === undefined) {
            watcher.until = stream.seq
            watcher.stop()
          }
        } else {
          let left = 2
          const { listen, seqs } = listener()
          const from = Math.min(act.afterSeq, stream.seq) + 1
          const { stop } = bus.replay(stream, { afterSeq: act.afterSeq }, (event) => {
            listen(event)
            if (left-- > 0) stream.emit('content', { text: 'echo' })
          })
          watchers.push({ seqs, from, stop })
        }
      }

      const expected = (from: number, until: number): number[] =>
        Array.from({ length: Math.max(0, until - from + 1) }, (_, index) => from + index)
      for (const { seqs, from, until = stream.seq } of watchers) assert.deepEqual(seqs(), expected(from, until))
      for (const { messageId, seqs } of early) {
        assert.deepEqual(seqs(), expected((joinedAt.get(messageId) ?? stream.seq) + 1, stream.seq))
      }
      assert.deepEqual(problems, [])

      for (const { stop, until } of watchers) if (until === undefined) stop()
      stream.end(result('r1'))
      for (let message = 0; message <= 3; message++) bus.settled(SESSION, `m${message}`, result('r1'))
      await clock.advance(KEEP_MS)
      assert.deepEqual(bus.held, NOTHING)
    }),
    { numRuns: 300 }
  )
})

test('a connection that is subscribed, sends and resumes is told each event once a request, and none never', () => {
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'emit' as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('resume' as const), connection: fc.constantFrom(...CONNECTIONS) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), connection: fc.constantFrom(...CONNECTIONS) }) }
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (actions) => {
      const { bus } = rig()
      const stream = bus.stream(SESSION, 'r1')
      const subscribed = new Map(CONNECTIONS.map((connectionId) => [connectionId, listener()]))
      const resumed = new Map<string, { seqs: () => number[]; stop: () => void }>()
      const got = new Map(CONNECTIONS.map((connectionId) => [connectionId, [] as number[]]))
      for (const [connectionId, { listen }] of subscribed) bus.subscribe(SESSION, { connectionId }, listen)
      const stop = (connection: (typeof CONNECTIONS)[number]): void => {
        got.get(connection)!.push(...(resumed.get(connection)?.seqs() ?? []))
        resumed.get(connection)?.stop()
        resumed.delete(connection)
      }
      for (const { kind, connection } of actions as { kind: string; connection: (typeof CONNECTIONS)[number] }[]) {
        if (kind === 'emit') stream.emit('content', { text: 'x' })
        else if (kind === 'stop') stop(connection)
        else {
          stop(connection)
          const { listen, seqs } = listener()
          // From where its subscription stands, as a client would that only wants the rest under another id.
          resumed.set(connection, { seqs, ...bus.replay(stream, { afterSeq: stream.seq, connectionId: connection }, listen) })
        }
      }
      for (const connection of CONNECTIONS) {
        stop(connection)
        const all = [...subscribed.get(connection)!.seqs(), ...got.get(connection)!].sort((one, other) => one - other)
        assert.deepEqual(
          all,
          Array.from({ length: stream.seq }, (_, index) => index + 1)
        )
      }
    }),
    { numRuns: 200 }
  )
})
