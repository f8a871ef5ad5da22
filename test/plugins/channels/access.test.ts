import assert from 'node:assert/strict'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import { defineTool } from '../../../plugins/tools/define.ts'
import { gatewayPlugin } from '../../../types.ts'
import { withChannel } from './fixtures.ts'

/** A tool that says with which access it runs. */
const whoami = gatewayPlugin({ name: 'whoami', dependencies: ['tools'] }, async (app) => {
  app.tools.add(
    defineTool({
      name: 'test.whoami',
      description: 'Says with which access it runs',
      input: Type.Object({}, { additionalProperties: false }),
      run: async (_args, { access = 'owner' }) => `access ${access}`
    })
  )
})

test('tools run with the access of the sender', async (t) => {
  const config = { pairing: { channels: { test: 'required' as const } }, tools: { guests: ['test.*'] } }
  const { app, delivered, said } = await withChannel(t, { config, plugins: [whoami] })
  const say = (senderId: string, text: string, n = text) =>
    app.channels.receive('test', { conversation: senderId, senderId, messageId: `${senderId} ${n}`, text })
  for (const [sender, access] of [
    ['ann', 'owner'],
    ['bob', 'guest']
  ] as const) {
    const { code } = app.pairing.generate('test', 'ops', access)
    assert.deepEqual(await say(sender, code), { state: 'stranger' })
    await say(sender, '/tool test.whoami {}')
    assert.equal((await said(`access ${access}`)).conversation, sender)
  }
  // A guest becomes an owner by an owner's code, and a word that looks like a code is an ordinary message.
  assert.equal((await say('bob', 'BANANA')).state, 'accepted')
  await said('BANANA')
  const { code } = app.pairing.generate('test', 'ops', 'owner')
  assert.equal((await say('bob', 'BANANA', 'again')).state, 'accepted')
  assert.deepEqual(await say('bob', code), { state: 'stranger' })
  await say('bob', '/tool test.whoami {}', 'as owner')
  while (delivered.filter(({ conversation, text }) => conversation === 'bob' && text.includes('access owner')).length === 0) {
    await new Promise(setImmediate)
  }
})

test('a guest has no tools beyond tools.guests, and none is offered to its model', async (t) => {
  const config = { tools: { guests: ['memory.*'] } }
  const { app, said } = await withChannel(t, { config, plugins: [whoami] })
  await app.channels.receive('test', { conversation: '1', senderId: 'eve', messageId: '1', text: '/tool test.whoami {}' })
  const { text } = await said('')
  assert.doesNotMatch(text, /access (owner|guest)/)
})

test('everyone on an open channel is a guest', async (t) => {
  const config = { pairing: { default: 'open' as const }, tools: { guests: ['test.*'] } }
  const { app, said } = await withChannel(t, { config, plugins: [whoami] })
  await app.channels.receive('test', { conversation: '1', senderId: 'eve', messageId: '1', text: '/tool test.whoami {}' })
  await said('access guest')
})
