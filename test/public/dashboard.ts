import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import type { GatewayOptions } from '../../app.ts'
import { launch } from '../browser.ts'
import { build } from '../helper.ts'
import { SEED_CONFIG } from './seed.ts'

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

/** The dashboard of a gateway in a browser, and what the browser complained about. */
export async function open(t: TestContext, options: GatewayOptions = {}) {
  const gateway = await build(t, { ...options, config: { ...SEED_CONFIG, ...options.config } })
  const page = await launch(t)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(`${gateway.url}/dashboard/`)
  return { page, complaints, ...gateway }
}

/** Calls a method of the gateway over HTTP. */
export function call(url: string, method: string, params: object, token?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) }
  return fetch(`${url}/rpc/${method}`, { method: 'POST', headers, body: JSON.stringify(params) })
}

/** Violations of accessibility rules on the page as it is. */
export async function violations(page: Page): Promise<string[]> {
  // Through the debugger: the policy of the page allows no script of others.
  await page.evaluate(AXE)
  const { violations } = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] }
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
}

/** Elements that reach beyond the screen where it scrolls sideways. */
const WIDE = `document.documentElement.scrollWidth <= innerWidth
  ? []
  : [...document.querySelectorAll('main *:not(.table *)')]
      .filter((one) => one.getBoundingClientRect().right > innerWidth)
      .map((one) => one.outerHTML.slice(0, 120))`

/** Everything that axe finds in light, in dark, and on the smallest screen, where nothing may be wider than it. */
export async function everywhere(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    found.push(...(await violations(page)).map((one) => `${colorScheme}: ${one}`))
  }
  await page.setViewportSize({ width: 320, height: 256 })
  found.push(...(await violations(page)).map((one) => `small: ${one}`))
  const wide = (await page.evaluate(WIDE)) as string[]
  found.push(...wide.map((one) => `small: wider than the screen: ${one}`))
  await page.setViewportSize({ width: 1280, height: 800 })
  return found
}
