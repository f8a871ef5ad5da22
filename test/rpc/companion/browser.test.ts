import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { bundleClient, bundleCompanion } from '../../../scripts/client/bundle.ts'
import { launch } from '../../browser.ts'
import { build, connect, type Frame } from '../../helper.ts'
import { NODES } from './fixtures.ts'

/** A page of another origin that has the client and the companion. */
async function servePage(t: TestContext): Promise<string> {
  const files: Record<string, string> = { '/client.js': await bundleClient(), '/companion.js': await bundleCompanion() }
  const server = http.createServer(({ url = '' }, response) => {
    const file = files[url]
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript')
    response.end(file ?? '<!doctype html>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('in Chromium a page offers what its user allows, and publishes its location', async (t) => {
  const origin = await servePage(t)
  const featureGates = { notifications: true, 'clipboard.write': true, 'screen.wakeLock': true }
  const { url } = await build(t, { config: { server: { allowedOrigins: [origin], nodes: { ...NODES, featureGates } } } })
  const page = await launch(t)
  const context = page.context()
  // Chromium without a window refuses notifications.
  await page.addInitScript(`globalThis.shown = []
    globalThis.Notification = class {
      static permission = 'granted'
      constructor(title, { body }) { shown.push([title, body]) }
    }`)
  await context.grantPermissions(['geolocation', 'clipboard-write', 'clipboard-read'])
  await context.setGeolocation({ latitude: 38.7, longitude: -9.1, accuracy: 12 })
  await page.goto(origin)
  const { declared } = (await page.evaluate(`(async () => {
    const { browserCompanion } = await import('/companion.js')
    globalThis.companion = browserCompanion({ url: '${url}', nodeId: 'page', autoConnect: true, watchLocation: true })
    return (await companion.ready).capabilities
  })()`)) as { declared: string[] }
  assert.deepEqual(declared, ['notifications', 'clipboard.write', 'screen.wakeLock'])
  const operator = await connect(t, url)
  const use = (capability: string, args: object) => operator.call('node.invoke', { nodeId: 'page', capability, args })
  assert.deepEqual((await use('notifications', { title: 'Tea is ready' })).output, { shown: true })
  assert.deepEqual(await page.evaluate('shown'), [['Tea is ready', '']])
  await page.bringToFront()
  assert.deepEqual((await use('clipboard.write', { text: 'Earl Grey' })).output, { written: true })
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'Earl Grey')
  let node: Frame
  do node = (await operator.call('system.nodes')).nodes[0]
  while (!node.location || !node.status)
  assert.deepEqual([node.status.platform, node.location.latitude, node.location.source], ['browser', 38.7, 'browser'])
  await page.evaluate('companion.close()')
  // The gateway hears of the closed socket later than the page.
  while ((await operator.call('system.nodes')).nodes.length > 0) await new Promise(setImmediate)
})
