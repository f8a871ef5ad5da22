import assert from 'node:assert/strict'
import test from 'node:test'
import { completed, isWhole, matching, usageOf } from '../../public/chat/completion.ts'
import { lastPrompt, MODE_WORDS, modeInForce } from '../../public/chat/queue-mode.ts'
import { stateOf } from '../../public/chat/waiting-state.ts'
import type { ChatTurn, LaneView, WaitingMessage } from '../../rpc/client/model/index.ts'

const STOP = { name: 'stop', summary: 'Stop', usage: ['/stop'] }
const STATUS = { name: 'status', summary: 'Show', usage: ['/status'] }
const QUEUE = { name: 'queue', summary: 'Queue', usage: ['/queue', '/queue <mode>'] }
const ALL = [STOP, STATUS, QUEUE]

test('a slash at the beginning lists commands that begin like the text', () => {
  const found = (text: string) => matching(text, ALL).map(({ name }) => name)
  assert.deepEqual(found('/'), ['stop', 'status', 'queue'])
  assert.deepEqual(found('/ST'), ['stop', 'status'])
  for (const other of ['', 'st', ' /st', '/stop ', '/stop now', '/x', '//', 'see /stop', '/st\n'])
    assert.deepEqual(found(other), [], other)
})

test('a command that takes arguments is completed with a space', () => {
  assert.deepEqual(ALL.map(completed), ['/stop', '/status', '/queue '])
  assert.equal(isWhole('/Stop', STOP), true)
  assert.equal(isWhole('/sto', STOP), false)
})

test('arguments show the ways to write the command', () => {
  assert.deepEqual(usageOf('/Queue c', ALL), QUEUE.usage)
  for (const other of ['/queue', '/stop ', '/queueing x', 'queue x']) assert.deepEqual(usageOf(other, ALL), [], other)
})

test('the mode in force is named with its origin', () => {
  const lane = (mode: LaneView['policy']['mode'], origin: LaneView['origin']['mode']) =>
    ({ policy: { mode }, origin: { mode: origin } }) as LaneView
  assert.equal(modeInForce(lane('followup', 'default')), 'followup, by default')
  assert.equal(modeInForce(lane('steer', 'session')), 'steer, set for this conversation')
  assert.equal(modeInForce(lane('collect', 'channel')), 'collect, set for this channel')
  assert.equal(new Set(Object.values(MODE_WORDS)).size, 5)
})

test('the last prompt is the newest message, one that waits before those of turns', () => {
  const turn = (parts: object[]) => ({ parts }) as unknown as ChatTurn
  const message = (text: string, partial = false) => ({ kind: 'message', text, partial })
  const turns = [
    turn([message('first')]),
    turn([message('second'), { kind: 'text', text: 'answer' }]),
    turn([message('cut o', true)])
  ]
  assert.equal(lastPrompt({ turns, waiting: [] }), 'second')
  const waiting = [
    { text: 'third', own: true },
    { text: 'of another', own: false }
  ] as WaitingMessage[]
  assert.equal(lastPrompt({ turns, waiting }), 'third')
  assert.equal(lastPrompt({ turns: [], waiting: [] }), undefined)
})

test('each state of a waiting message has its words', () => {
  const words = (state: WaitingMessage['state'], position = 0, connected = true) =>
    stateOf({ state, position } as WaitingMessage, connected).words
  assert.equal(words('unsent', 0, false), 'Not sent yet: waits for a connection')
  assert.equal(words('unsent'), 'Not sent yet')
  assert.equal(words('sent'), 'On its way')
  assert.match(words('uncertain'), /^Uncertain: /)
  assert.equal(words('queued', 2), 'In the queue, 2 ahead')
  assert.equal(words('queued'), 'In the queue')
})
