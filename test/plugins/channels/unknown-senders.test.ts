import assert from 'node:assert/strict'
import test from 'node:test'
import { MAX_HINTED, MAX_HINTS, UnknownSenders } from '../../../plugins/channels/unknown-senders.ts'
import type { Policy } from '../../../plugins/pairing/index.ts'

const HOUR = 60 * 60_000

function rig(policy: Policy = 'required') {
  let now = 0
  const logged: object[] = []
  const pairing = {
    policy: () => policy,
    allowed: async (_channel: string, senderId: string) => senderId === 'ann',
    redeem: async () => {
      throw new Error('no code was given')
    }
  }
  const log = { info: (line: object) => void logged.push(line) } as never
  const strangers = new UnknownSenders({ pairing, clock: { now: () => now }, log })
  const say = (senderId: string, conversation = senderId, channel = 'chat') =>
    strangers.answer({ channel, conversation, senderId, text: 'Hello!' })
  return {
    strangers,
    logged,
    say,
    pass: (ms: number) => {
      now += ms
    }
  }
}

test('a group full of strangers is told once an hour, and so is a stranger in many conversations', async () => {
  const { say, pass } = rig()
  assert.equal(await say('ann', 'group'), undefined)
  assert.match((await say('bob', 'group'))!.say!, /pairing code/)
  for (let n = 0; n < 20; n++) assert.deepEqual(await say(`guest ${n}`, 'group'), {})
  assert.deepEqual(await say('bob', 'alone'), {})
  pass(HOUR)
  assert.ok((await say('guest 1', 'group'))!.say)
})

test('a flood of strangers is answered with a trickle, and fills no memory', async () => {
  const { say, pass, strangers } = rig()
  let said = 0
  for (let n = 0; n < 3 * MAX_HINTS; n++) if ((await say(`bot ${n}`))?.say) said++
  assert.equal(said, MAX_HINTS)
  assert.ok((await say('somebody', 'elsewhere', 'other'))!.say, 'another channel has its own')
  for (let hours = 0; hours < 60; hours++) {
    pass(HOUR)
    for (let n = 0; n < MAX_HINTS; n++) await say(`late ${hours} ${n}`)
  }
  assert.equal(strangers.size, MAX_HINTED)
})

test('where a list says who is heard nothing is said to anybody else, and the log names them, rarely', async () => {
  const { say, logged } = rig('allowlist')
  assert.equal(await say('ann'), undefined)
  for (let n = 0; n < 3; n++) assert.deepEqual(await say('bob\u202e'), {})
  assert.deepEqual(logged, [{ channel: 'chat', senderId: 'bob ' }])
})
