import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { gatewayPlugin } from '../plugins/define.ts'
import { requireNode } from '../server/node-version.ts'
import { type ChannelRig, channelContract, ScriptedModel, startGateway, type TestGateway } from './contract/index.ts'
import { connect, rejection, scratch } from './helper.ts'
import { Heard } from './plugins/channels/platform.ts'

/** A channel without a platform: a pager that shows 40 characters. */
async function pager(t: TestContext): Promise<ChannelRig> {
  const heard = new Heard()
  let isOverloaded = false
  const plugin = gatewayPlugin({ name: 'pager', dependencies: ['channels'] }, async (app) => {
    const { DeliveryError, inbound, Refusal } = await import('../plugins/channels/api.ts')
    app.channels.add({
      name: 'pager',
      limit: 40,
      async deliver({ text }) {
        if (isOverloaded) throw new DeliveryError('the network is busy', { retryable: true, retryAfterMs: 1 })
        heard.add(text)
      }
    })
    await inbound(app, {
      url: '/pager/events',
      missing: () => [],
      async handle({ headers, body }) {
        if (headers['x-secret'] !== 'secret') throw new Refusal(401, 'the secret is wrong')
        const { id, text } = JSON.parse(body.toString()) as { id: string; text: string }
        await app.channels.receive('pager', { conversation: '7', senderId: '7', messageId: id, text })
        return { status: 200 }
      }
    })
  })
  const dataDir = await scratch(t)
  const start = () =>
    startGateway(t, { plugins: [plugin], config: { data_dir: dataDir, pairing: { channels: { pager: 'open' } } } })
  let gateway: TestGateway = await start()
  return {
    get app() {
      return gateway.app
    },
    sessionId: 'pager:7',
    heard: heard.texts,
    arrived: (count) => heard.arrived(count),
    overload: (on) => {
      isOverloaded = on
    },
    async send({ id, text }, { wrong = false } = {}) {
      const headers = { 'x-secret': wrong ? 'wrong' : 'secret' }
      return await fetch(`${gateway.url}/pager/events`, { method: 'POST', headers, body: JSON.stringify({ id, text }) })
    },
    async restart() {
      await gateway.host.close()
      gateway = await start()
    }
  }
}

channelContract('A channel with a low limit', pager)

test('a scripted model answers call by call, and its calls are kept', async (t) => {
  const model = new ScriptedModel().calls('memory.search', { query: 'tea' }).says('No tea.').fails('the model is asleep')
  const { url } = await startGateway(t, { model })
  const client = await connect(t, url)
  assert.equal((await client.call('agent.send', { message: 'Is there tea?' })).content, 'No tea.')
  assert.deepEqual(
    model.requests.map(({ messages }) => messages.at(-1)!.role),
    ['user', 'tool']
  )
  for (const reason of [/the model is asleep/, /no answer for call 4/]) {
    assert.match((await rejection(client.call('agent.send', { message: 'And now?' }))).message, reason)
  }
})

test('an older Node.js is refused with a sentence', () => {
  for (const version of ['18.20.8', '20.20.2', '22.17.1']) {
    assert.throws(() => requireNode(version), { message: `flynn-gateway needs Node.js 22.18 or later, this is ${version}` })
  }
  for (const version of ['22.18.0', '24.0.0']) requireNode(version)
})
