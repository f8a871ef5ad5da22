import assert from 'node:assert/strict'
import test from 'node:test'
import { type Admission, MAX_HINTED, MAX_HINTS, UnknownSenders } from '../../../plugins/channels/unknown-senders.ts'
import type { Policy } from '../../../plugins/pairing/index.ts'

const hintOf = (admission: Admission) => ('say' in admission ? admission.say : undefined)
const HOUR = 60 * 60_000

function rig(policy: Policy = 'required') {
  let now = 0
  const logged: object[] = []
  const pairing = {
    policy: () => policy,
    access: async (_channel: string, senderId: string) => (senderId === 'ann' ? ('guest' as const) : undefined),
    codes: () => [],
    redeem: async () => {
      throw new Error('no code was given')
    }
  }
  const log = { info: (line: object) => void logged.push(line) } as never
  const strangers = new UnknownSenders({ pairing, clock: { now: () => now }, log })
  const say = (senderId: string, conversation = senderId, channel = 'chat') =>
    strangers.admit({ channel, conversation, senderId, text: 'Hello!' })
  return {
    strangers,
    logged,
    say,
    pass: (ms: number) => {
      now += ms
    }
  }
}

test('a stranger and a group get one hint an hour', async () => {
  const { say, pass } = rig()
  assert.deepEqual(await say('ann', 'group'), { access: 'guest' })
  assert.match(hintOf(await say('bob', 'group'))!, /pairing code/)
  for (let n = 0; n < 20; n++) assert.deepEqual(await say(`guest ${n}`, 'group'), {})
  assert.deepEqual(await say('bob', 'alone'), {})
  pass(HOUR)
  assert.ok(hintOf(await say('guest 1', 'group')))
})

test('a flood of strangers gets few hints and fills no memory', async () => {
  const { say, pass, strangers } = rig()
  let said = 0
  for (let n = 0; n < 3 * MAX_HINTS; n++) if (hintOf(await say(`bot ${n}`))) said++
  assert.equal(said, MAX_HINTS)
  assert.ok(hintOf(await say('eve', 'elsewhere', 'other')), 'another channel has its own')
  for (let hours = 0; hours < 60; hours++) {
    pass(HOUR)
    for (let n = 0; n < MAX_HINTS; n++) await say(`late ${hours} ${n}`)
  }
  assert.equal(strangers.size, MAX_HINTED)
})

test('an allowlist answers nothing to others and logs them rarely', async () => {
  const { say, logged } = rig('allowlist')
  assert.deepEqual(await say('ann'), { access: 'guest' })
  for (let n = 0; n < 3; n++) assert.deepEqual(await say('bob\u202e'), {})
  assert.deepEqual(logged, [{ channel: 'chat', senderId: 'bob ' }])
})
