import assert from 'node:assert/strict'
import test from 'node:test'
import { gatewayPlugin } from '../../../plugins/define.ts'
import { Panels } from '../../../plugins/panels/panels.ts'
import { build, connect, type Frame } from '../../helper.ts'

const PANEL = { id: 'weather', title: 'Weather', module: 'weather/panel.js', scope: 'read' } as const

test('a panel is a module of the gateway, with an id of its own', () => {
  for (const wrong of [
    { id: 'Weather' },
    { id: '' },
    { title: '' },
    { module: 'https://elsewhere.example/panel.js' },
    { module: '//elsewhere.example/panel.js' },
    { module: '/weather/panel.js' },
    { module: '../panel.js' },
    { module: 'a/../panel.js' },
    { module: 'data:text/javascript,1.js' },
    { module: 'panel.html' },
    { module: 'panel.js?x' }
  ]) {
    assert.throws(() => new Panels().add({ ...PANEL, ...wrong }), /panel '/, JSON.stringify(wrong))
  }
  const panels = new Panels()
  panels.add(PANEL)
  assert.throws(() => panels.add(PANEL), /already registered/)
})

test('a plugin adds a panel, and those who may use it see it', async (t) => {
  const plugin = gatewayPlugin({ name: 'weather', dependencies: ['panels'] }, async (app) => {
    app.panels.add(PANEL)
    app.panels.add({ ...PANEL, id: 'storms', scope: 'operate' })
  })
  const tokens = [{ name: 'reader', token: 'token-reader', scopes: ['read' as const] }]
  const { url } = await build(t, { config: { server: { token: 'all', tokens } }, plugins: [plugin] })
  const list = async (token: string): Promise<string[]> =>
    (await (await connect(t, url, { token })).call('panels.list')).panels.map(({ id }: Frame) => id)
  assert.deepEqual([await list('token-reader'), await list('all')], [['weather'], ['weather', 'storms']])
})

test('an unknown sender is a request until it is let in or dismissed', async (t) => {
  const { url, app } = await build(t)
  const said: string[] = []
  app.channels.add({ name: 'pigeon', limit: 500, deliver: async ({ text }) => void said.push(text) })
  const operator = await connect(t, url)
  await operator.call('events.subscribe', { kinds: ['pairing'] })
  let messages = 0
  const write = (senderId: string, text = 'hello') =>
    app.channels.receive('pigeon', {
      conversation: senderId,
      senderId,
      senderName: `Name of ${senderId}`,
      messageId: `${++messages}`,
      text
    })
  for (const sender of ['ann', 'bob', 'ann']) assert.equal((await write(sender)).state, 'stranger')
  const requests = async () => await operator.call('pairing.requests')
  const shown = await requests()
  assert.deepEqual(
    shown.requests.map(({ senderId, senderName, count }: Frame) => [senderId, senderName, count]),
    [
      ['ann', 'Name of ann', 2],
      ['bob', 'Name of bob', 1]
    ]
  )
  await operator.frame(({ event, data }) => event === 'pairing' && data.change === 'request' && data.senderId === 'bob')
  const ann = { channel: 'pigeon', senderId: 'ann' }
  assert.equal((await operator.call('pairing.approve', ann)).access, 'guest')
  assert.equal((await write('ann')).state, 'accepted')
  assert.deepEqual(await operator.call('pairing.dismiss', { channel: 'pigeon', senderId: 'bob' }), { dismissed: true })
  assert.equal((await requests()).total, 0)
  // A code that pairs its sender is no request.
  const { code } = await operator.call('pairing.generate', { channel: 'pigeon' })
  await write('carol', code)
  assert.equal((await requests()).total, 0)
})
