import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_TYPING, Typing } from '../../../plugins/channels/typing.ts'
import { FakeClock, settle } from '../../lanes/fixtures.ts'

function rig() {
  const clock = new FakeClock()
  const typing = new Typing({ clock, everyMs: 3000 })
  const shown: string[] = []
  const show = (name: string) => async () => void shown.push(name)
  return { clock, typing, shown, show }
}

test('it is shown at once and every three seconds, until everything in the conversation is settled', async () => {
  const { clock, typing, shown, show } = rig()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  typing.until(first.promise, 'a', show('a'))
  typing.until(second.promise, 'a', show('a'))
  assert.deepEqual(shown, ['a'])
  await clock.advance(3000)
  assert.deepEqual(shown, ['a', 'a'])
  first.resolve()
  await settle()
  await clock.advance(3000)
  assert.equal(shown.length, 3)
  second.resolve()
  await settle()
  await clock.advance(9000)
  assert.equal(shown.length, 3)
})

test('a failed or closed indicator ends, and their number is bounded', async () => {
  const { clock, typing, shown, show } = rig()
  const never = new Promise<void>(() => {})
  let tries = 0
  typing.until(never, 'b', async () => {
    tries++
    throw new Error('403')
  })
  await settle()
  await clock.advance(9000)
  assert.equal(tries, 1)
  for (let n = 1; n <= MAX_TYPING; n++) typing.until(never, `c${n}`, show(`c${n}`))
  assert.equal(shown.length, MAX_TYPING - 1)
  typing.close()
  await clock.advance(9000)
  assert.equal(shown.length, MAX_TYPING - 1)
})
