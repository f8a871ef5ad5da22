import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { bundleClient } from '../../../scripts/client/bundle.ts'
import { launch } from '../../browser.ts'
import { build } from '../../helper.ts'

const TOKEN = 'of-the-browser-test'

/** A page of another origin that has the client. */
async function servePage(t: TestContext): Promise<string> {
  const client = await bundleClient()
  const server = http.createServer(({ url }, response) => {
    const isClient = url === '/client.js'
    response.setHeader('content-type', isClient ? 'text/javascript' : 'text/html')
    response.end(isClient ? client : '<!doctype html>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('in Chromium a conversation survives a reload of the page', async (t) => {
  const origin = await servePage(t)
  const { url } = await build(t, { config: { server: { token: TOKEN, allowedOrigins: [origin] } } })
  const page = await launch(t)
  await page.goto(origin)
  const said = await page.evaluate(`(async () => {
    const { connect, indexedDbStore } = await import('/client.js')
    const gateway = connect('${url}', { token: () => '${TOKEN}', store: indexedDbStore() })
    const run = gateway.session('ws:page').send('say hello from Chromium')
    let text = ''
    for await (const piece of run.text()) text += piece
    globalThis.unsent = connect('ws://127.0.0.1:9', { store: indexedDbStore() }).session('ws:page').send('say later')
    await gateway.close()
    return text
  })()`)
  assert.equal(said, 'hello from Chromium')
  await page.reload()
  const later = await page.evaluate(`(async () => {
    const { connect, indexedDbStore } = await import('/client.js')
    const store = indexedDbStore()
    const gateway = connect('${url}', { token: () => '${TOKEN}', store })
    const [run] = await gateway.restored
    const { content } = await run
    await gateway.close()
    return [content, await store.keys('flynn:send:')]
  })()`)
  assert.deepEqual(later, ['later', []])

  await t.test('of two tabs the one that wrote a message keeps it, and the other sends it after a crash', async () => {
    const unsent = (await page.evaluate(`(async () => {
      const { connect, indexedDbStore } = await import('/client.js')
      const store = indexedDbStore()
      globalThis.writer = connect('ws://127.0.0.1:9', { store })
      await writer.restored
      const { id } = writer.session('ws:page').send('say once')
      while ((await store.keys('flynn:send:')).length === 0);
      return id
    })()`)) as string
    const other = await page.context().newPage()
    await other.goto(origin)
    const restored = await other.evaluate(`(async () => {
      const { connect, indexedDbStore } = await import('/client.js')
      globalThis.gateway = connect('${url}', { token: () => '${TOKEN}', store: indexedDbStore() })
      await gateway.ready
      return (await gateway.restored).length
    })()`)
    assert.equal(restored, 0)
    const crashed = page.waitForEvent('crash')
    const cdp = await page.context().newCDPSession(page)
    void cdp.send('Page.crash').catch(() => {})
    await crashed
    const taken = await other.evaluate(`(async () => {
      await gateway.close()
      gateway.connect()
      const [run] = await gateway.restored
      const { content } = await run
      return [run.id, content]
    })()`)
    assert.deepEqual(taken, [unsent, 'once'])
  })
})
