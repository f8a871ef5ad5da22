import assert from 'node:assert/strict'
import test from 'node:test'
import { Changes, MAX_JOBS } from '../../../plugins/programs/changes.ts'
import { RpcError } from '../../../rpc/errors.ts'
import { hold, rejection } from '../../helper.ts'

function rig() {
  const clock = { now: 1000 }
  const logged: string[] = []
  const ended = Promise.withResolvers<void>()
  const note = (_: object, text: string): void => {
    logged.push(text)
    ended.resolve()
  }
  const log = { info: note, warn: note }
  return { clock, logged, ended: ended.promise, changes: new Changes(log as never, () => clock.now) }
}

test('of one thing there is one change at a time, of two things two', async () => {
  const { changes } = rig()
  const first = Promise.withResolvers<string>()
  const one = changes.change('a', 'restart', () => first.promise)
  const refused = await rejection(changes.change('a', 'stop', async () => assert.fail('must not run')))
  assert.deepEqual([refused.code, refused.data.retryable], [3, true])
  assert.match(refused.message, /^a is being changed \(restart\)/)
  assert.equal(await changes.change('b', 'stop', async () => 'b'), 'b')
  first.resolve('done')
  assert.equal(await one, 'done')
  assert.equal(await changes.change('a', 'stop', async () => 'a'), 'a')
})

test('a change that failed leaves the thing free', async () => {
  const { changes } = rig()
  await assert.rejects(
    changes.change('a', 'stop', async () => {
      throw new Error('no')
    }),
    /no/
  )
  assert.equal(await changes.change('a', 'stop', async () => 'a'), 'a')
})

test('a job is answered as it is when the wait is over, goes on, and is kept with how it ended', async (t) => {
  hold(t)
  const { changes, clock, logged, ended } = rig()
  const work = Promise.withResolvers<string>()
  const started = await changes.start('a', 'update', 0, async ({ tell }) => {
    tell('half')
    return await work.promise
  })
  assert.deepEqual(started, { action: 'update', state: 'running', startedAt: 1000, text: 'half' })
  assert.equal((await rejection(changes.change('a', 'stop', async () => 1))).code, 3)
  assert.equal((await rejection(changes.start('a', 'update', 0, async () => ''))).code, 3)
  clock.now = 2000
  work.resolve('all there')
  await ended
  assert.deepEqual(changes.job('a'), { action: 'update', state: 'done', startedAt: 1000, endedAt: 2000, text: 'all there' })
  assert.deepEqual(logged, ['a job has ended: all there'])
  assert.equal((await changes.start('a', 'update', 60_000, async () => 'again')).text, 'again')
})

test('a job that failed says why in words for people, and nothing of what nobody foresaw', async (t) => {
  hold(t)
  const { changes } = rig()
  const fail = (error: Error) =>
    changes.start('a', 'update', 60_000, async () => {
      throw error
    })
  const told = await fail(new RpcError('InternalError', 'no space is left'))
  assert.deepEqual([told.state, told.text], ['failed', 'no space is left'])
  assert.doesNotMatch((await fail(new Error('/etc/secret'))).text, /secret/)
})

test('so many jobs run and no more', async (t) => {
  hold(t)
  const { changes } = rig()
  const work = Promise.withResolvers<string>()
  for (let n = 0; n < MAX_JOBS; n++) await changes.start(`j${n}`, 'update', 0, () => work.promise)
  const refused = await rejection(changes.start('one more', 'update', 0, async () => assert.fail('must not run')))
  assert.equal(refused.code, 3)
  assert.equal(await changes.change('one more', 'stop', async () => 'free'), 'free')
  work.resolve('')
})

test('closing aborts what is under way, waits for it, and refuses what comes', async (t) => {
  hold(t)
  const { changes } = rig()
  const seen: string[] = []
  const until = (signal: AbortSignal, name: string) =>
    new Promise<string>((_, reject) => {
      signal.addEventListener('abort', () => {
        seen.push(name)
        reject(signal.reason)
      })
    })
  const change = rejection(changes.change('a', 'stop', (signal) => until(signal, 'change')))
  await changes.start('b', 'update', 0, ({ signal }) => until(signal, 'job'))
  await changes.close()
  assert.deepEqual(seen, ['change', 'job'])
  assert.equal((await change).code, 3)
  assert.deepEqual([changes.job('b')?.state, changes.job('b')?.text], ['failed', 'the gateway was shut down'])
  assert.equal((await rejection(changes.change('a', 'stop', async () => 1))).code, 3)
})
