import assert from 'node:assert/strict'
import test from 'node:test'
import { connect } from '../../helper.ts'
import { slowTool } from '../agent/fixtures.ts'
import { withChannel } from './fixtures.ts'

const inbound = (text: string, changes: object = {}) => ({
  conversation: '7',
  senderId: 'ann',
  senderName: 'Ann',
  messageId: `id of ${text}`,
  text,
  ...changes
})

test('a message of a channel is answered there, and is a conversation like any other', async (t) => {
  const { app, url, said } = await withChannel(t)
  const receipt = await app.channels.receive('test', inbound('Hello there', { context: { thread: 3 } }))
  assert.equal(receipt.state, 'accepted')
  const { conversation, context } = await said('Hello there')
  assert.deepEqual([conversation, context], ['7', { thread: 3 }])
  const client = await connect(t, url)
  const { history } = await client.call('sessions.get', { sessionId: 'test:7' })
  assert.deepEqual(
    history.map(({ role }: { role: string }) => role),
    ['user', 'assistant']
  )
  const { presence } = await client.call('system.presence', { channel: 'test' })
  assert.deepEqual([presence[0].senderId, presence[0].senderName], ['ann', 'Ann'])
})

test('a repeated message is one message, also at the same moment', async (t) => {
  const { app, delivered, said } = await withChannel(t)
  const states = await Promise.all([1, 2, 3].map(() => app.channels.receive('test', inbound('Once'))))
  assert.deepEqual(states.map(({ state }) => state).sort(), ['accepted', 'duplicate', 'duplicate'])
  assert.equal(new Set(states.map((receipt) => 'messageId' in receipt && receipt.messageId)).size, 1)
  await said('Once')
  await app.channels.receive('test', inbound('Twice'))
  await said('Twice')
  assert.equal(delivered.length, 2)
})

test('commands work on channels within the scopes of the sender', async (t) => {
  const { app, said } = await withChannel(t)
  await app.channels.receive('test', inbound('/queue'))
  await said('mode=')
  await app.channels.receive('test', inbound('/help'))
  await said('/stop')
})

test('a stranger gets one hint, and the agent sees nothing', async (t) => {
  const { app, url, delivered, said } = await withChannel(t, { config: { pairing: { channels: { test: 'required' } } } })
  for (const text of ['Let me in', 'Please']) {
    assert.deepEqual(await app.channels.receive('test', inbound(text)), { state: 'stranger' })
  }
  await said('pairing code')
  const client = await connect(t, url)
  assert.equal((await client.call('sessions.list')).total, 0)
  assert.deepEqual(await app.channels.receive('test', inbound('ABC DEF')), { state: 'stranger' })
  await said('cannot be used')
  const { code } = await client.call('pairing.generate', { channel: 'test' })
  await app.channels.receive('test', inbound(` ${code.toLowerCase()} `))
  await said('You are paired')
  assert.equal((await app.channels.receive('test', inbound('At last'))).state, 'accepted')
  await said('At last')
  assert.equal(delivered.length, 4)
})

test('a dropped message is answered with the reason', async (t) => {
  const slow = slowTool()
  for (const [overflow, kept] of [
    ['drop_new', 'first'],
    ['drop_old', 'second']
  ] as const) {
    const config = { lanes: { channels: { test: { cap: 1, overflow } } } }
    const { app, said, delivered } = await withChannel(t, { config, plugins: [slow.plugin] })
    await app.channels.receive('test', inbound('/tool test.slow {}'))
    await slow.called
    for (const text of ['first', 'second']) {
      assert.equal((await app.channels.receive('test', inbound(text))).state, 'accepted')
    }
    await said('Too many messages are waiting')
    slow.answer('done')
    await said(kept)
    assert.equal(delivered.length, 3)
  }
})

test('a conversation of any name has a session, and two of them never the same', async (t) => {
  const { app, said } = await withChannel(t)
  const names = ['x'.repeat(300), `${'x'.repeat(299)}y`, 'a\u0000b', 'a\nb']
  const ids = await Promise.all(
    names.map(async (conversation) => {
      const receipt = await app.channels.receive('test', inbound('Hi', { conversation }))
      return 'sessionId' in receipt ? receipt.sessionId : undefined
    })
  )
  assert.equal(new Set(ids).size, names.length)
  assert.equal((await said('Hi')).conversation, names[0])
})
