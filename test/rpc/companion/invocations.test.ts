import assert from 'node:assert/strict'
import test from 'node:test'
import { Disconnected, RpcError } from '../../../rpc/client/index.ts'
import { HANDLER_TIMEOUT_MS, type Handler, Invocations, MAX_RUNNING, MAX_WAITING } from '../../../rpc/companion/invocations.ts'
import { settled, TestClock } from './fixtures.ts'

function setup(handlers: Record<string, Handler>, refuse?: (callId: string) => Error | undefined) {
  const clock = new TestClock()
  const answers: {
    readonly callId: string
    readonly ok: boolean
    readonly output?: unknown
    readonly error?: string | undefined
  }[] = []
  const errors: unknown[] = []
  const invocations = new Invocations({
    handlers: new Map(Object.entries(handlers)),
    clock,
    report: (error) => void errors.push(error),
    answer: async (result) => {
      answers.push(result)
      const error = refuse?.(result.callId)
      if (error) throw error
    }
  })
  const start = (callId: string, capability: string, args = {}) => invocations.start({ callId, capability, args })
  return { clock, answers, errors, invocations, start }
}

test('outputs, errors and unknown capabilities are answered', async () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const { answers, start } = setup({
    double: ({ n }) => (n as number) * 2,
    nothing: () => undefined,
    late: async () => 'later',
    throws: () => {
      throw new Error('the screen is locked')
    },
    empty: () => {
      throw new Error('')
    },
    long: () => {
      throw new Error(`${'x'.repeat(999)}😀`)
    },
    cyclic: () => cyclic,
    large: () => 'x'.repeat(1024 * 1024)
  })
  for (const name of ['double', 'nothing', 'late', 'throws', 'empty', 'long', 'cyclic', 'large', 'unknown', 'constructor']) {
    start(name, name, { n: 21 })
    await settled()
  }
  const byId = Object.fromEntries(answers.map(({ callId, ...answer }) => [callId, answer]))
  assert.deepEqual(byId.double, { ok: true, output: 42 })
  assert.deepEqual(byId.nothing, { ok: true })
  assert.deepEqual(byId.late, { ok: true, output: 'later' })
  assert.deepEqual(byId.throws, { ok: false, error: 'the screen is locked' })
  assert.deepEqual(byId.empty, { ok: false, error: 'Error' })
  assert.deepEqual(byId.long, { ok: false, error: 'x'.repeat(999) })
  assert.match(byId.cyclic!.error!, /^The output is not JSON: /)
  assert.match(byId.large!.error!, /at most 1048576/)
  for (const name of ['unknown', 'constructor']) assert.equal(byId[name]!.error, `This node does not offer ${name}`)
  assert.equal(answers.length, 10)
})

test('handlers run a few at a time, others wait, and the rest is refused', async () => {
  const running: (() => void)[] = []
  const { answers, start } = setup({ wait: () => new Promise<void>((resolve) => running.push(resolve)) })
  for (let call = 0; call <= MAX_RUNNING + MAX_WAITING; call++) start(`${call}`, 'wait')
  await settled()
  assert.equal(running.length, MAX_RUNNING)
  assert.deepEqual(
    answers.map(({ callId, ok }) => [callId, ok]),
    [[`${MAX_RUNNING + MAX_WAITING}`, false]]
  )
  for (let done = 0; done < MAX_RUNNING + MAX_WAITING; done++) {
    running[done]!()
    await settled()
    assert.equal(running.length, Math.min(done + 1 + MAX_RUNNING, MAX_RUNNING + MAX_WAITING))
  }
  assert.equal(answers.filter(({ ok }) => ok).length, MAX_RUNNING + MAX_WAITING)
})

test('a handler is aborted after 120 s, and keeps its place until it returns', async () => {
  const signals: AbortSignal[] = []
  const begun: string[] = []
  const running: (() => void)[] = []
  const { clock, answers, start } = setup({
    stuck: (_args, { callId, signal }) => {
      begun.push(callId)
      signals.push(signal)
      return new Promise<void>((resolve) => running.push(resolve))
    }
  })
  for (let call = 0; call <= MAX_RUNNING; call++) start(`${call}`, 'stuck')
  await clock.pass(HANDLER_TIMEOUT_MS)
  assert.ok(signals.every(({ aborted }) => aborted))
  assert.deepEqual([signals.length, answers.length], [MAX_RUNNING, MAX_RUNNING + 1])
  assert.match(answers[0]!.error!, /within 120000 ms/)
  start('next', 'stuck')
  await settled()
  assert.equal(signals.length, MAX_RUNNING)
  running[0]!()
  await settled()
  // The call that ended while it waited does not begin.
  assert.deepEqual(begun, ['0', '1', '2', '3', 'next'])
  assert.equal(answers.length, MAX_RUNNING + 1)
})

test('a lost connection aborts handlers and drops what waits, without answers', async () => {
  const signals: AbortSignal[] = []
  const { clock, answers, invocations, start } = setup({
    wait: (_args, { signal }) => {
      signals.push(signal)
      return new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
  })
  for (let call = 0; call < MAX_RUNNING + 3; call++) start(`${call}`, 'wait')
  await settled()
  invocations.abort(new Disconnected({ sent: true }))
  await settled()
  assert.ok(signals.length === MAX_RUNNING && signals.every(({ reason }) => reason instanceof Disconnected))
  assert.deepEqual([answers, clock.delays], [[], []])
  start('again', 'wait')
  await settled()
  assert.equal(signals.length, MAX_RUNNING + 1)
})

test('an answer that no one waits for is no error, another refusal is reported', async () => {
  const { errors, start } = setup({ ok: () => 1 }, (callId) =>
    callId === 'late' ? new RpcError({ code: -2, message: 'not waiting' }) : new RpcError({ code: 5, message: 'broken' })
  )
  start('late', 'ok')
  start('broken', 'ok')
  await settled()
  assert.deepEqual(
    errors.map((error) => (error as Error).message),
    ['broken']
  )
})
