import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { connect, RpcError } from 'flynn-gateway/client'
import { ScriptedModel, startGateway, type TestGatewayOptions } from 'flynn-gateway/testing'
import plugin from './index.ts'

/** A gateway with the plugin, and a client of it. */
async function setup(t: TestContext, options: object = {}, gateway: TestGatewayOptions = {}) {
  const { url } = await startGateway(t, { ...gateway, plugins: [[plugin, options]] })
  const client = connect(url)
  t.after(() => client.close())
  return client
}

test('the method greets', async (t) => {
  const client = await setup(t, { greeting: 'Good day' })
  assert.deepEqual(await client.call('__group__.greet', { name: 'Ann' }), { text: 'Good day, Ann!' })
})

test('a stranger and wrong params are refused', async (t) => {
  const client = await setup(t, { strangers: ['Bob'] })
  await assert.rejects(client.call('__group__.greet', { name: 'Bob' }), /params\.name must not be Bob/)
  await assert.rejects(client.call('__group__.greet', { name: '' }), (error) => error instanceof RpcError && error.code === -2)
})

test('followers of the session hear of it', async (t) => {
  const client = await setup(t)
  const { promise, resolve } = Promise.withResolvers<unknown>()
  client.on('__group__.greeted', resolve)
  await client.call('sessions.create', { sessionId: 'cli:me' })
  await client.call('sessions.subscribe', { sessionId: 'cli:me' })
  await client.call('__group__.greet', { name: 'Ann' })
  assert.deepEqual(await promise, { name: 'Ann' })
})

test('the agent greets with the tool', async (t) => {
  const model = new ScriptedModel().calls('__group__.greet', { name: 'Ann' }).says('Done.')
  const client = await setup(t, {}, { model })
  assert.equal((await client.session('cli:me').send('Greet Ann')).content, 'Done.')
  const [result] = model.requests[1]!.messages.filter((message) => message.role === 'tool')
  assert.equal(result?.output, 'Hello, Ann!')
})

test('wrong options stop the start', async (t) => {
  await assert.rejects(setup(t, { greeting: '' }), /options\.greeting must be a string of at least 1 characters/)
})
