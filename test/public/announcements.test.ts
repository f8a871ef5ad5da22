import assert from 'node:assert/strict'
import test from 'node:test'
import { announcements } from '../../public/chat/announcements.ts'
import type { ChatTurn, SessionSnapshot } from '../../rpc/client/model/index.ts'

const EMPTY: SessionSnapshot = {
  sessionId: 'web:1',
  connection: { name: 'stopped' },
  turns: [],
  waiting: [],
  confirmations: [],
  canConfirm: true,
  busy: false,
  lane: undefined,
  context: undefined,
  history: { loaded: true, older: false, loading: false, full: false },
  draft: '',
  error: undefined
}

function turn(state: ChatTurn['state'], rest: Partial<ChatTurn> = {}): ChatTurn {
  return { key: 'one', at: 0, messageIds: [], state, parts: [], complete: true, ...rest }
}

test('the end of a turn is announced once, with its answer or its reason', () => {
  const working = { ...EMPTY, turns: [turn('working', { parts: [{ kind: 'text', text: 'Ha' }] })] }
  const done = { ...EMPTY, turns: [turn('done', { parts: [{ kind: 'text', text: 'Half' }] })] }
  assert.deepEqual(announcements(EMPTY, working), [])
  assert.deepEqual(announcements(working, done), ['The agent has answered: Half'])
  assert.deepEqual(announcements(done, done), [])
  assert.deepEqual(announcements(working, { ...EMPTY, turns: [turn('stopped')] }), ['The agent was stopped.'])
  const failed = turn('failed', { error: { message: 'The provider is down.' } })
  assert.deepEqual(announcements(working, { ...EMPTY, turns: [failed] }), ['There is no complete answer: The provider is down.'])
  const reply = turn('done', { parts: [{ kind: 'reply', text: 'Mode: steer', begins: false }] })
  assert.deepEqual(announcements(working, { ...EMPTY, turns: [reply] }), ['The gateway has answered: Mode: steer'])
})

test('what a page finds is no news; what it sent is, however fast the answer came', () => {
  const unread = { ...EMPTY, history: { ...EMPTY.history, loaded: false } }
  const message = { kind: 'message', text: 'Hi', files: [], partial: false } as const
  const stored = turn('done', { parts: [message, { kind: 'text', text: 'Hello' }] })
  assert.deepEqual(announcements(unread, { ...EMPTY, turns: [stored] }), [])
  assert.deepEqual(announcements(EMPTY, { ...EMPTY, turns: [stored] }), [])
  const own = turn('done', {
    parts: [
      { ...message, key: 'one' },
      { kind: 'text', text: 'Hello' }
    ]
  })
  assert.deepEqual(announcements(EMPTY, { ...EMPTY, turns: [own] }), ['The agent has answered: Hello'])
})

test('questions, warnings and refusals are announced', () => {
  const confirmations = [{ callId: 'c', turn: 'one', tool: 'file.write', args: {}, expiresAt: 1 }]
  const asked = { ...EMPTY, confirmations, error: { message: 'The session was deleted.' } }
  assert.deepEqual(announcements(EMPTY, asked), ['The agent asks to run file.write.', 'The session was deleted.'])
  assert.deepEqual(announcements(asked, asked), [])
})
