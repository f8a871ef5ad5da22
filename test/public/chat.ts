import type { TestContext } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { launch } from '../browser.ts'
import type { TestGateway } from '../helper.ts'

/** Chat pages of one gateway, in one browser: a context of its own for each. */
export interface Pages {
  /** A page with the conversation of this session, once it is connected. */
  open(t: Pick<TestContext, 'after'>, sessionId: string, token?: string): Promise<Chat>
}

/** A chat page, and what its browser complained about. */
export interface Chat {
  readonly page: Page
  readonly complaints: string[]
}

/** Starts the browser. It is closed when `t` ends. */
export async function pagesOf(t: Pick<TestContext, 'after'>, { url }: Pick<TestGateway, 'url'>): Promise<Pages> {
  const browser = (await launch(t as TestContext)).context().browser() as Browser
  return {
    async open(t, sessionId, token) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
      t.after(() => context.close())
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      await page.goto(`${url}/dashboard/#/chat/${encodeURIComponent(sessionId)}`)
      if (token !== undefined) {
        await page.getByLabel('Token', { exact: true }).fill(token)
        // The browser notes the refusal by which the page learns that a token is needed.
        complaints.length = 0
        await page.getByRole('button', { name: 'Connect' }).click()
      }
      await page.getByText('Connected', { exact: true }).waitFor()
      return { page, complaints }
    }
  }
}

/** Sends a message as a person does. */
export async function say(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text)
  await page.keyboard.press('Enter')
}

/** The n-th turn, counted from 1, once it has this state. */
export async function turn(page: Page, n: number, state = 'done'): Promise<Locator> {
  const found = page.locator(`.chat-place:nth-child(${n} of .chat-place) > .chat-turn[data-state="${state}"]`)
  await found.waitFor()
  return found
}

/** Texts of all messages and answers, in their order. */
export async function said(page: Page): Promise<string[]> {
  const texts = await page.locator('.chat-asked .chat-message, .chat-answer').allTextContents()
  return texts.map((text) => text.replace(/\s+/g, ' ').trim())
}
