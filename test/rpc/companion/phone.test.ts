import assert from 'node:assert/strict'
import test from 'node:test'
import { androidCompanion, iosCompanion, type NodeLocation, type PhoneBridge } from '../../../rpc/companion/index.ts'
import { connect } from '../../helper.ts'
import { gateway, reached } from './fixtures.ts'

/** An app: its events are functions that a test calls. */
function app() {
  const shown: unknown[] = []
  const ended: string[] = []
  const events: {
    token?: (token: string) => void
    location?: (location: NodeLocation) => void
    foreground?: (foreground: boolean) => void
  } = {}
  const bridge: PhoneBridge = {
    showNotification: (notification) => void shown.push(notification),
    status: () => ({ deviceName: 'Phone of Ann', batteryPct: 20, powerSource: 'battery' }),
    watchLocation: (listener) => {
      events.location = listener
      return () => void ended.push('location')
    },
    onPushToken: (listener) => {
      events.token = listener
      listener('a'.repeat(64))
      return () => void ended.push('token')
    },
    onForeground: (listener) => {
      events.foreground = listener
      return () => void ended.push('foreground')
    }
  }
  return { bridge, events, shown, ended }
}

/** The node as an operator sees it, once it fits. */
async function seen(url: string, t: Parameters<typeof connect>[0], fits: (node: Record<string, unknown>) => boolean) {
  const operator = await connect(t, url)
  for (;;) {
    const { nodes } = await operator.call('system.nodes', { includeOffline: true })
    if (nodes[0] && fits(nodes[0])) return nodes[0]
  }
}

test('an iOS app offers its bridge, sends its token and leaves in the background', async (t) => {
  const { url } = await gateway(t)
  const { bridge, events, shown, ended } = app()
  const companion = iosCompanion({ url, nodeId: 'phone', autoConnect: true, bridge, apns: { environment: 'sandbox' } })
  t.after(() => companion.close())
  const { capabilities } = await companion.ready
  assert.deepEqual(capabilities.declared, ['notifications'])
  const operator = await connect(t, url)
  await operator.call('node.invoke', { nodeId: 'phone', capability: 'notifications', args: { title: 'Tea' } })
  assert.deepEqual(shown, [{ title: 'Tea', body: '' }])
  events.location!({ latitude: 1, longitude: 2, source: 'gps' })
  const node = await seen(url, t, ({ status, push, location }) => Boolean(status && push && location))
  assert.deepEqual([node.status.platform, node.status.deviceName], ['ios', 'Phone of Ann'])
  assert.deepEqual([node.push.provider, node.push.environment], ['apns', 'sandbox'])
  events.token!('b'.repeat(64))
  await seen(url, t, ({ push }) => (push as { tokenPreview: string }).tokenPreview.startsWith('bbbb'))

  events.foreground!(false)
  await reached(companion, 'offline')
  await seen(url, t, ({ connected }) => connected === false)
  events.foreground!(true)
  await reached(companion, 'registered')
  await companion.close()
  assert.deepEqual(ended.sort(), ['foreground', 'location', 'token'])
})

test('an Android app stays in the background and has an FCM token', async (t) => {
  const { url } = await gateway(t)
  const { bridge, events } = app()
  const companion = androidCompanion({ url, nodeId: 'phone', autoConnect: true, bridge })
  t.after(() => companion.close())
  await companion.ready
  assert.equal(events.foreground, undefined)
  const { push, status } = await seen(url, t, (node) => Boolean(node.status && node.push))
  assert.deepEqual([push.provider, status.platform], ['fcm', 'android'])
})
