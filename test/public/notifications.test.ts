import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import test, { type TestContext } from 'node:test'
import type { CDPSession, Page } from 'playwright-core'
import { launch } from '../browser.ts'
import { build } from '../helper.ts'
import { webchat } from '../plugins/web-push/fixtures.ts'
import { connected, open } from './fixtures.ts'

const button = (page: Page) => page.locator('#notify')

/**
 * Stands in for the push service of the browser, which is somewhere on the internet: subscribing would wait for it for ever. All else
 * is the browser's own.
 */
function pushService(endpoint: string): string {
  const ecdh = createECDH('prime256v1')
  const p256dh = ecdh.generateKeys('base64url')
  const json = { endpoint, expirationTime: null, keys: { p256dh, auth: 'A'.repeat(22) } }
  return `{
    const bytes = (key) => Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer
    const kept = () => localStorage.getItem('stub')
    const subscription = () => ({
      endpoint: ${JSON.stringify(endpoint)},
      options: { applicationServerKey: bytes(kept()) },
      toJSON: () => (${JSON.stringify(json)}),
      unsubscribe: async () => (localStorage.removeItem('stub'), true)
    })
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => (localStorage.setItem('stub', applicationServerKey), subscription())
    PushManager.prototype.getSubscription = async () => (kept() ? subscription() : null)
  }`
}

/** The page of a gateway with notifications; a browser without a window denies them to those who have no permission. */
async function rig(
  t: TestContext,
  { permission = true, token, prefix = '' }: { permission?: boolean; token?: string; prefix?: string } = {}
) {
  const gateway = await build(t, { config: { webchat: webchat(), server: token === undefined ? {} : { token } }, prefix })
  const page = await launch(t)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  const cdp = await page.context().newCDPSession(page)
  const { origin } = new URL(gateway.url)
  if (permission) await page.context().grantPermissions(['notifications'], { origin })
  await page.addInitScript(pushService('http://127.0.0.1:9/push'))
  await page.goto(`${gateway.url}/`)
  if (token !== undefined) await logIn(page, token)
  await connected(page)
  const count = () => gateway.app.db.subscriptions.count()
  return { page, gateway, complaints, cdp, origin, count }
}

async function logIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token', { exact: true }).fill(token)
  await page.getByRole('button', { name: 'Connect' }).click()
}

async function turnOn(page: Page): Promise<void> {
  await button(page).click()
  await page.getByRole('button', { name: 'Notifications on', pressed: true }).waitFor()
}

/** Pushes to the page's service worker what a push service would. */
async function deliver(cdp: CDPSession, origin: string, data: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<string>()
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    const [first] = registrations
    if (first) resolve(first.registrationId)
  })
  await cdp.send('ServiceWorker.enable')
  await cdp.send('ServiceWorker.deliverPushMessage', { origin, registrationId: await promise, data })
}

/** The page's service worker, and what it shows. The browser of the tests has no place to show a notification: that part is replaced. */
async function workerOf(page: Page) {
  const [known] = page.context().serviceWorkers()
  const worker = known ?? (await page.context().waitForEvent('serviceworker'))
  await worker.evaluate(`
    const { promise, resolve } = Promise.withResolvers()
    self.shown = promise
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) => resolve({ title, ...options })`)
  return worker
}

test('where notifications are off there is no button', async (t) => {
  const { page, complaints } = await open(t)
  const asked = page.waitForResponse('**/webchat/push/public-key')
  await page.reload()
  await connected(page)
  await asked
  assert.equal(await button(page).isVisible(), false)
  assert.deepEqual(complaints, [])
})

for (const prefix of ['', '/agent']) {
  test(`a click registers the browser, and what is pushed is shown${prefix && ' under a prefix'}`, async (t) => {
    const { page, cdp, origin, count, complaints } = await rig(t, { prefix })
    await button(page).waitFor()
    assert.equal(await button(page).textContent(), 'Notify me')
    await turnOn(page)
    assert.equal(await count(), 1)
    const scope = await page.evaluate('navigator.serviceWorker.ready.then(({ scope }) => scope)')
    assert.equal(scope, `${origin}${prefix}/`)
    const worker = await workerOf(page)
    await deliver(cdp, origin, JSON.stringify({ sessionId: 'web:a', runId: '1', preview: '<b>Tea</b> is ready' }))
    assert.deepEqual(await worker.evaluate('shown'), {
      title: 'Flynn has answered',
      body: '<b>Tea</b> is ready',
      tag: 'web:a',
      renotify: true,
      icon: `${origin}${prefix}/icon.svg`
    })
    assert.deepEqual(complaints, [])
  })
}

test('a click on a notification brings back the page that is open, else opens it', async (t) => {
  const { page, gateway } = await rig(t)
  await turnOn(page)
  const worker = await workerOf(page)
  // A script cannot click for a person, nor may it bring a page to the front.
  const click = () =>
    worker.evaluate(`(async () => {
      const done = []
      WindowClient.prototype.focus = async function () { done.push('focus ' + this.url) }
      Clients.prototype.openWindow = async (url) => void done.push('open ' + url)
      const notification = { close: () => done.push('close') }
      const work = []
      self.dispatchEvent(Object.assign(new Event('notificationclick'), { notification, waitUntil: (it) => work.push(it) }))
      await Promise.all(work)
      return done
    })()`)
  assert.deepEqual(await click(), ['close', `focus ${gateway.url}/`])
  await page.goto('about:blank')
  // The worker hears of it a moment later.
  const pages = `clients.matchAll({ includeUncontrolled: true }).then((all) => all.filter(({ url }) => url.startsWith('http')).length)`
  await t.waitFor(async () => assert.equal(await worker.evaluate(pages), 0))
  assert.deepEqual(await click(), ['close', `open ${gateway.url}/`])
})

test('a reload registers the browser again, and another click takes it off', async (t) => {
  const { page, count, gateway } = await rig(t)
  await turnOn(page)
  const [row] = await gateway.app.db.subscriptions.of('local')
  const registered = page.waitForResponse((response) => response.request().method() === 'POST')
  await page.reload()
  await connected(page)
  assert.equal((await registered).status(), 200)
  await page.getByRole('button', { name: 'Notifications on', pressed: true }).waitFor()
  assert.equal((await gateway.app.db.subscriptions.of('local'))[0]?.revision, row!.revision + 1)
  const removed = page.waitForResponse((response) => response.request().method() === 'DELETE')
  await button(page).click()
  assert.deepEqual(await (await removed).json(), { ok: true, removed: true })
  await page.getByRole('button', { name: 'Notify me', pressed: false }).waitFor()
  assert.equal(await count(), 0)
})

test('who does not let the page notify is told where to change that', async (t) => {
  const { page, count } = await rig(t, { permission: false })
  await button(page).click()
  await page.getByText('This browser does not let the page notify you').waitFor()
  assert.equal(await button(page).textContent(), 'Notify me')
  assert.equal(await count(), 0)
})

test('a subscription for other keys is not taken for one of this gateway', async (t) => {
  const { page, gateway, count } = await rig(t)
  await turnOn(page)
  const [row] = await gateway.app.db.subscriptions.of('local')
  await page.evaluate(`localStorage.setItem('stub', 'B' + 'A'.repeat(86))`)
  await page.reload()
  await connected(page)
  await page.getByRole('button', { name: 'Notify me', pressed: false, disabled: false }).waitFor()
  assert.equal((await gateway.app.db.subscriptions.of('local'))[0]?.revision, row!.revision)
  await turnOn(page)
  assert.equal(await count(), 1)
})

test('logging out takes the browser off, and logging in again has no notifications', async (t) => {
  const token = 'correct horse'
  const { page, count } = await rig(t, { token })
  await turnOn(page)
  assert.equal(await count(), 1)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Token', { exact: true }).waitFor()
  assert.deepEqual([await count(), await button(page).isVisible()], [0, false])
  await logIn(page, token)
  await page.getByRole('button', { name: 'Notify me', pressed: false }).waitFor()
})
