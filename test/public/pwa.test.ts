import assert from 'node:assert/strict'
import test from 'node:test'
import type { Page } from 'playwright-core'
import { launch } from '../browser.ts'
import { build } from '../helper.ts'
import { built, idOf, rebuilt, startFront } from './front.ts'
import { SEED_CONFIG } from './seed.ts'

/** Resolves when the service worker answers for the page. */
const controlled = (page: Page): Promise<unknown> =>
  page.evaluate(`navigator.serviceWorker.controller ||
    new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve)).then(() => {})`)

const buildOf = (page: Page): Promise<unknown> => page.evaluate('document.querySelector("meta[name=build]").content')
const open = (page: Page, name: string) => page.getByRole('link', { name, exact: true }).click()
const pageOf = (page: Page, title: string) => page.getByRole('heading', { level: 1, name: title }).waitFor()
const connected = (page: Page) => page.getByText('Connected', { exact: true }).waitFor()

test('the pages work without the gateway, and a new build of them breaks no open tab', async (t) => {
  const gateway = await build(t, { config: SEED_CONFIG })
  const first = built()
  const front = await startFront(t, gateway.url, first)
  const page = await launch(t)
  await page.goto(front.url)
  await connected(page)
  await controlled(page)

  await t.test('offline the page opens, and pages that were never opened', async () => {
    front.away = true
    front.cut()
    await page.reload()
    await page.getByText('No connection').first().waitFor()
    await open(page, 'Audit')
    await pageOf(page, 'Audit')
    assert.equal(await page.evaluate('fetch("../health").then(() => "answered", () => "failed")'), 'failed')
    front.away = false
    await page.getByRole('button', { name: 'Retry now' }).click()
    await connected(page)
  })

  const second = rebuilt(first)
  await t.test('an open tab goes on with its own build, and offers the new one', async () => {
    front.files = second.files
    gateway.app.system.build = second.id
    front.cut()
    await page.getByRole('status').getByText('Update ready').waitFor()
    await open(page, 'Config')
    await pageOf(page, 'Config')

    const other = await page.context().newPage()
    await other.goto(front.url)
    await connected(other)
    assert.equal(await buildOf(other), second.id)
    await other.waitForFunction('caches.keys().then((names) => names.length === 2)')
    await other.waitForFunction(
      'navigator.serviceWorker.getRegistration().then((one) => one.active && !one.waiting && !one.installing)'
    )
    await open(page, 'Tools')
    await pageOf(page, 'Tools')
    assert.equal(await buildOf(page), idOf(first))
    await other.close()
  })

  await t.test('the button loads the new build', async () => {
    await page.getByRole('button', { name: 'Reload', exact: true }).click()
    await page.waitForFunction(`document.querySelector('meta[name=build]')?.content === '${second.id}'`)
    await connected(page)
    assert.equal(await page.getByText('Update ready').count(), 0)
  })
})
