import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import type { Page } from 'playwright-core'
import { type Stage, stage } from '../rpc/client/model/fixtures.ts'
import { type Pages, pagesOf, said, say, turn } from './chat.ts'
import { call, everywhere } from './dashboard.ts'

const OWNER = 'token-of-the-owner'
const READER = 'token-of-a-reader'

let scene: Stage
let pages: Pages
const ended: (() => unknown)[] = []
before(async () => {
  const t = { after: (end: unknown) => void ended.unshift(end as () => unknown) }
  const tokens = [{ name: 'reader', token: READER, scopes: ['read'] }]
  scene = await stage(t, { server: { shutdown_grace_seconds: 0, token: OWNER, tokens } })
  pages = await pagesOf(t, scene.gateway)
})
after(async () => {
  for (const end of ended) await end()
})

/** A page of the owner with an empty conversation. */
async function open(t: test.TestContext, sessionId: string) {
  const { page, complaints } = await pages.open(t, sessionId, OWNER)
  const field = page.getByRole('textbox', { name: 'Message', exact: true })
  await field.focus()
  return { page, complaints, field }
}

/** Files of the messages of a session, as the history has them. */
async function stored(sessionId: string): Promise<object[]> {
  const response = await call(scene.gateway.url, 'sessions.get', { sessionId }, OWNER)
  const { result } = (await response.json()) as { result: { history: { attachments?: { filename: string; bytes: number }[] }[] } }
  return result.history.flatMap(({ attachments = [] }) => attachments.map(({ filename, bytes }) => ({ filename, bytes })))
}

const waits = (page: Page, text: string) =>
  page
    .getByRole('region', { name: /^Waits/ })
    .getByRole('listitem')
    .filter({ hasText: text })

test('a message is written by keyboard: lines, commands, input methods, the last one again', async (t) => {
  const { page, field, complaints } = await open(t, 'web:keys')
  await page.keyboard.type('/')
  const options = page.getByRole('listbox', { name: 'Commands' }).getByRole('option')
  await options.filter({ hasText: '/stop' }).waitFor()
  assert.equal(await field.getAttribute('aria-activedescendant'), await options.first().getAttribute('id'))
  await page.keyboard.press('Escape')
  await options.first().waitFor({ state: 'detached' })
  await page.keyboard.type('m')
  await page.keyboard.press('Tab')
  assert.equal(await field.inputValue(), '/model ')
  await page.getByText('/model <tier>').waitFor()
  await field.fill('/st')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  assert.equal(await field.inputValue(), '/status')
  await page.keyboard.press('Enter')
  await turn(page, 1)
  assert.equal(await field.inputValue(), '')
  await page.keyboard.press('ArrowUp')
  assert.equal(await field.inputValue(), '/status')

  await field.fill('First')
  await page.keyboard.press('Shift+Enter')
  await page.keyboard.type('second')
  const { height } = (await field.boundingBox())!
  assert.ok(height > 50, `it grows: ${height}`)
  await page.evaluate(
    `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true }))`
  )
  assert.equal(await field.inputValue(), 'First\nsecond')
  await page.keyboard.press('Enter')
  await turn(page, 2)
  assert.deepEqual((await said(page)).at(-2), 'First second')
  assert.equal(await page.evaluate('document.activeElement.id'), await field.getAttribute('id'))
  assert.deepEqual(complaints, [])
})

test('while the agent is busy messages wait: sent otherwise, edited, taken back, sent now, stopped all', async (t) => {
  const { page, field, complaints } = await open(t, 'web:busy')
  scene.script('Long', { text: ['Part'], fault: 'hang' })
  scene.script('Newer', { text: ['Other'], fault: 'hang' })
  await say(page, 'Long')
  await turn(page, 1, 'working')
  const how = page.getByLabel('A message that is sent now')
  assert.match(await how.innerText(), /^waits for its turn \(followup, by default\)/)
  await say(page, 'Tomorrow?')
  await waits(page, 'Tomorrow?').getByText('In the queue, 1 ahead').waitFor()

  await waits(page, 'Tomorrow?').getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Text of the waiting message').fill('And tomorrow?')
  await page.keyboard.press('Control+Enter')
  await waits(page, 'And tomorrow?').waitFor()

  await field.fill('Half of a')
  await waits(page, 'And tomorrow?').getByRole('button', { name: 'Take back' }).click()
  await page.getByRole('button', { name: 'Put into the field' }).click()
  assert.equal(await field.inputValue(), 'Half of a\nAnd tomorrow?')
  assert.deepEqual(await everywhere(page), [])

  await page.getByRole('button', { name: 'Change the policy' }).click()
  await page.getByRole('dialog').getByLabel('A message that comes').selectOption('collect')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await how
    .getByText('waits, and is answered together with others (collect, set for this conversation)')
    .waitFor({ state: 'attached' })
  await page.getByRole('button', { name: 'Reset the policy' }).click()
  await how.getByText('waits for its turn (followup, by default)').waitFor({ state: 'attached' })

  // This one alone takes the place of the run.
  await how.selectOption('interrupt')
  await say(page, 'Newer')
  await turn(page, 1, 'stopped')
  await turn(page, 2, 'working')
  assert.equal(await how.inputValue(), '')
  await say(page, 'Waits')
  await waits(page, 'Waits').waitFor()
  await page.getByRole('button', { name: 'Stop all' }).click()
  await turn(page, 2, 'stopped')
  await waits(page, 'Waits').waitFor({ state: 'detached' })
  assert.deepEqual(complaints, [])
})

test('files are chosen, dropped and pasted; an upload that fails holds the message until it is retried', async (t) => {
  const { page, field } = await open(t, 'web:files')
  const files = page.getByRole('list', { name: 'Files of this message' }).getByRole('listitem')
  let broken = true
  await page.route('**/attachments?filename=chosen.txt', (route) => (broken ? route.abort() : route.continue()))
  await page.setInputFiles('.chat-picker', [
    { name: 'chosen.txt', mimeType: 'text/plain', buffer: Buffer.from('chosen') },
    { name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) },
    { name: 'large.bin', mimeType: '', buffer: Buffer.alloc(11 * 1024 * 1024) }
  ])
  await page.getByRole('alert').getByText('large.bin: It has 11 MB').waitFor()
  const give = (event: string, kind: string, name: string) => `{
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File(['${name}'], '${name}', { type: 'text/plain' }))
    document.querySelector('${event === 'drop' ? '.chat-log' : '#chat-message'}').dispatchEvent(
      new ${kind}('${event}', { bubbles: true, cancelable: true, dataTransfer, clipboardData: dataTransfer })
    )
  }`
  await page.evaluate(give('drop', 'DragEvent', 'dropped.txt'))
  await page.evaluate(give('paste', 'ClipboardEvent', 'pasted.txt'))
  await files.nth(2).waitFor()
  await page.getByRole('button', { name: 'Remove pasted.txt' }).click()

  await say(page, 'Look at these')
  await page.getByRole('status').getByText('Not sent: a file was not uploaded').waitFor()
  assert.equal(await field.inputValue(), 'Look at these')
  broken = false
  await page.getByRole('button', { name: 'Upload chosen.txt again' }).click()
  const sent = await turn(page, 1)
  await sent.getByText('chosen.txt').first().waitFor()
  assert.equal(await field.inputValue(), '')
  assert.deepEqual(await stored('web:files'), [
    { filename: 'chosen.txt', bytes: 6 },
    { filename: 'dropped.txt', bytes: 11 }
  ])
})

test('a large picture becomes smaller before it is sent', async (t) => {
  const { page } = await open(t, 'web:picture')
  await page.evaluate(`(async () => {
    const canvas = new OffscreenCanvas(2400, 1200)
    const context = canvas.getContext('2d')
    const noise = context.createImageData(2400, 1200)
    for (let at = 0; at < noise.data.length; at += 65536) crypto.getRandomValues(noise.data.subarray(at, at + 65536))
    context.putImageData(noise, 0, 0)
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([await canvas.convertToBlob({ type: 'image/jpeg', quality: 1 })], 'photo.jpg', { type: 'image/jpeg' }))
    document.querySelector('.chat-log').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }))
  })()`)
  await page.getByRole('button', { name: 'Send' }).click()
  const picture = (await turn(page, 1)).getByRole('img', { name: 'photo.jpg' })
  await picture.waitFor()
  const size = `(async () => {
    const picture = document.querySelector('.chat-turn img[alt="photo.jpg"]')
    await picture.decode()
    return [picture.naturalWidth, picture.naturalHeight]
  })()`
  assert.deepEqual(await page.evaluate(size), [2048, 1024])
})

test('on a phone Enter begins a new line, the button sends, and a photograph can be taken', async (t) => {
  const browser = (await pages.open(t, 'web:desk', OWNER)).page.context().browser()!
  const context = await browser.newContext({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true })
  t.after(() => context.close())
  const page = await context.newPage()
  await page.goto(`${scene.gateway.url}/dashboard/#/chat/web%3Aphone`)
  await page.getByLabel('Token', { exact: true }).fill(OWNER)
  await page.getByRole('button', { name: 'Connect' }).tap()
  const field = page.getByRole('textbox', { name: 'Message', exact: true })
  await field.tap()
  await page.keyboard.type('First')
  await page.keyboard.press('Enter')
  await page.keyboard.type('second')
  assert.equal(await field.inputValue(), 'First\nsecond')
  assert.equal(await page.getByRole('button', { name: 'Take a photograph' }).isVisible(), true)
  assert.equal(await page.locator('.chat-camera-input').getAttribute('capture'), 'environment')
  await page.getByRole('button', { name: 'Send' }).tap()
  await turn(page, 1)
})

test('a credential that may only read sees no field, and why', async (t) => {
  const { page } = await pages.open(t, 'web:busy', READER)
  await page.getByText('This credential may read this conversation, but not write in it.').waitFor()
  assert.equal(await page.getByRole('textbox', { name: 'Message', exact: true }).count(), 0)
})
