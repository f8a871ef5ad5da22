import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import type { Locator } from 'playwright-core'
import { type Stage, stage } from '../rpc/client/model/fixtures.ts'
import { type Pages, pagesOf, said, say, turn } from './chat.ts'
import { call, everywhere } from './dashboard.ts'

let scene: Stage
let pages: Pages
const ended: (() => unknown)[] = []
before(async () => {
  const t = { after: (end: unknown) => void ended.unshift(end as () => unknown) }
  scene = await stage(t, { lanes: { default: { mode: 'followup' } } })
  pages = await pagesOf(t, scene.gateway)
})
after(async () => {
  for (const end of ended) await end()
})

async function isInView(one: Locator): Promise<boolean> {
  const box = await one.boundingBox()
  return box !== null && box.y > 0 && box.y + box.height < 800
}

/** Calls a method as another client. */
const ask = (method: string, params: object) =>
  call(scene.gateway.url, method, params).then(async (response) => ((await response.json()) as { result: unknown }).result)

test('a message is answered, piece by piece, and is there after a reload and on a second page', async (t) => {
  const gate = Promise.withResolvers<void>()
  scene.script('Hello', { text: ['Good ', '**day**'], until: gate.promise })
  const { page, complaints } = await pages.open(t, 'web:first')
  await page.getByRole('heading', { name: 'What shall we talk about?' }).waitFor()
  await say(page, 'Hello')
  await (await turn(page, 1, 'working')).getByText('Good day').waitFor()
  const { page: other } = await pages.open(t, 'web:first')
  await (await turn(other, 1, 'working')).getByText('Good day').waitFor()
  gate.resolve()
  for (const one of [page, other]) {
    assert.match(await (await turn(one, 1)).locator('strong').innerText(), /day/)
    assert.deepEqual(await said(one), ['Hello', 'Good day'])
  }
  await page.locator('[aria-live=polite]', { hasText: 'The agent has answered: Good **day**' }).waitFor()
  await page.reload()
  await turn(page, 1)
  assert.deepEqual(await said(page), ['Hello', 'Good day'])
  await page.getByRole('navigation', { name: 'Conversations' }).locator('a[href="#/chat/web%3Afirst"]').waitFor()
  assert.equal(await page.title(), 'Chat · web:first – Flynn')
  assert.deepEqual(complaints, [])
})

test('Escape stops this run only: its text stays, and what waits is answered', async (t) => {
  scene.script('Forever', { text: ['Part'], fault: 'hang' })
  const { page } = await pages.open(t, 'web:stop')
  await say(page, 'Forever')
  await (await turn(page, 1, 'working')).getByText('Part').waitFor()
  await say(page, 'Next')
  await page.locator('.chat-waiting, [aria-label^="Waiting"]').getByText('Next').waitFor()
  await page.keyboard.press('Escape')
  await turn(page, 1, 'stopped')
  await turn(page, 2)
  assert.deepEqual(await said(page), ['Forever', 'Part', 'Next', 'Yes.'])
  await page.locator('[aria-live=polite]', { hasText: 'The agent has answered: Yes.' }).waitFor()
})

test('a run that failed says why, also after a reload', async (t) => {
  scene.script('Break', { status: 400, message: 'no such model' })
  const { page } = await pages.open(t, 'web:failed')
  await say(page, 'Break')
  await (await turn(page, 1, 'failed'))
    .getByText(/no such model/)
    .first()
    .waitFor()
  await page.reload()
  await (await turn(page, 1, 'failed'))
    .getByText(/no such model/)
    .first()
    .waitFor()
})

test('an answer is asked for again, a message edited, and a conversation forked', async (t) => {
  scene.script('Why', { text: 'Because.' }, { text: 'For another reason.' }, { text: 'Never mind.' })
  const { page } = await pages.open(t, 'web:fork')
  await say(page, 'First')
  await turn(page, 1)
  await say(page, 'Why')
  await (await turn(page, 2)).getByRole('button', { name: 'Try again' }).click()
  await turn(page, 3)
  assert.deepEqual(await said(page), ['First', 'Yes.', 'Why', 'Because.', 'Why', 'For another reason.'])
  await (await turn(page, 1)).getByRole('button', { name: 'Fork from here' }).click()
  await page.waitForURL((url) => !url.hash.includes('fork'))
  await turn(page, 1)
  assert.deepEqual(await said(page), ['First', 'Yes.'])
  await (await turn(page, 1)).getByRole('button', { name: 'Edit and send again' }).click()
  await page
    .getByRole('textbox', { name: /edit|message/i })
    .first()
    .fill('Why, really?')
  await page.keyboard.press('Control+Enter')
  await page.getByRole('region', { name: 'Messages' }).getByText('Never mind.').waitFor()
  assert.deepEqual(await said(page), ['Why, really?', 'Never mind.'])
})

test('conversations are found, renamed, pinned, archived, and deleted with a way back', async (t) => {
  await ask('agent.send', { sessionId: 'telegram:kim', message: 'Watering the greenhouse' })
  await ask('agent.send', { sessionId: 'telegram:lee', message: 'Repairing the tractor' })
  await ask('sessions.update', { sessionId: 'telegram:kim', title: 'The greenhouse' })
  await ask('sessions.update', { sessionId: 'telegram:lee', title: 'The tractor' })
  const { page } = await pages.open(t, 'web:list')
  const list = page.getByRole('navigation', { name: 'Conversations' })
  const row = (name: string) => list.getByRole('listitem').filter({ hasText: name })
  await row('greenhouse').getByText('2 unread').or(row('greenhouse').getByText('1 unread')).waitFor({ state: 'attached' })
  await list.getByRole('searchbox').fill('tractor')
  await row('greenhouse').waitFor({ state: 'detached' })
  await row('tractor').getByRole('link', { name: 'unread' }).click()
  await turn(page, 1)
  await list.getByRole('searchbox').fill('')
  const act = async (name: string, action: string) => {
    await row(name)
      .getByRole('button', { name: /^Actions/ })
      .click()
    await page.getByRole('menuitem', { name: action, exact: true }).click()
  }
  await act('greenhouse', 'Rename')
  await page.getByRole('dialog').getByRole('textbox').fill('Tomatoes')
  await page.keyboard.press('Enter')
  await act('Tomatoes', 'Pin')
  await row('Tomatoes').getByText('pinned').waitFor()
  await act('tractor', 'Delete')
  await row('tractor').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Undo' }).click()
  await row('tractor').waitFor()
  await act('tractor', 'Archive')
  await row('tractor').waitFor({ state: 'detached' })
  await list.getByRole('button', { name: 'Archived' }).click()
  await row('tractor').waitFor()
  await page.goto(`${scene.gateway.url}/dashboard/#/chat/telegram%3Akim`)
  await turn(page, 1)
  await ask('sessions.delete', { sessionId: 'telegram:kim' })
  await page.getByText('This conversation was deleted.').waitFor()
})

test('older messages come as one scrolls, a found message is shown in its place, and the end stays in sight', async (t) => {
  const sessionId = 'web:long'
  for (let at = 0; at < 120; at++) await ask('agent.send', { sessionId, message: `Message number ${at}` })
  const { page } = await pages.open(t, sessionId)
  const log = page.getByRole('region', { name: 'Messages' })
  await page.getByText('Message number 119', { exact: true }).waitFor()
  const fromEnd = () => log.evaluate((one) => Math.round(one.scrollHeight - one.scrollTop - one.clientHeight))
  assert.ok((await fromEnd()) < 4)
  await log.evaluate((one) => {
    one.scrollTop = 0
  })
  await page.getByText('Message number 30', { exact: true }).waitFor()
  assert.ok((await log.evaluate((one) => one.scrollTop)) > 100, 'what was read stays where it was')
  await page.getByRole('button', { name: 'Jump to latest' }).click()
  await say(page, 'The last one')
  await turn(page, await page.locator('.chat-turn').count())
  assert.ok((await fromEnd()) < 4)
  const { messages } = (await ask('sessions.search', { text: 'number 7', sessionId })) as {
    messages: { id: number; snippet: string }[]
  }
  const found = messages.find(({ snippet }) => snippet === 'Message number 7')
  await page.goto('about:blank')
  await page.goto(`${scene.gateway.url}/dashboard/#/chat/${encodeURIComponent(sessionId)}?at=${found?.id}`)
  const message = page.getByText('Message number 7', { exact: true })
  await message.waitFor()
  while (!(await isInView(message)));
})

test('artifacts stand beside the conversation, those of HTML in a sandbox', async (t) => {
  const sessionId = 'web:canvas'
  await ask('canvas.put', { sessionId, artifactId: 'note', type: 'note', title: 'Plan', content: { markdown: '# Steps' } })
  const { page, complaints } = await pages.open(t, sessionId)
  await page.getByRole('button', { name: 'Canvas 1' }).click()
  const pane = page.getByRole('complementary', { name: 'Canvas' })
  await pane.getByRole('heading', { name: 'Steps' }).waitFor()
  const html = '<p id=who></p><script>try { localStorage.x = 1 } catch { who.textContent = "no storage" }</script>'
  await ask('canvas.put', { sessionId, artifactId: 'app', type: 'app', title: 'App', content: { html } })
  await pane.getByRole('combobox', { name: 'Artifact' }).selectOption('App')
  await pane.frameLocator('iframe').getByText('no storage').waitFor()
  assert.equal(await pane.locator('iframe').getAttribute('sandbox'), 'allow-scripts')
  assert.deepEqual(complaints, [])
})

test('a conversation is exported, its link copied, and the keys are listed', async (t) => {
  await ask('agent.send', { sessionId: 'web:export', message: 'Keep this' })
  const { page } = await pages.open(t, 'web:export')
  await turn(page, 1)
  await page
    .locator('.chat-header')
    .getByRole('button', { name: /^Actions/ })
    .click()
  const saved = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'Download as Markdown' }).click()
  assert.match((await saved).suggestedFilename(), /\.md$/)
  await page.keyboard.press('Control+/')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('allow the tool that asks').waitFor()
})

test('on a phone list and conversation stand alone, and nobody finds a fault with either', async (t) => {
  scene.script('Table', { text: '| a | b |\n|---|---|\n| 1 | 2 |\n\n```ts\nconst one = 1\n```' })
  const { page, complaints } = await pages.open(t, 'web:phone')
  await say(page, 'Table')
  await turn(page, 1)
  await page.locator('table').waitFor()
  assert.deepEqual(await everywhere(page), [])
  await page.setViewportSize({ width: 390, height: 844 })
  await page.getByRole('link', { name: 'All conversations' }).click()
  await page.locator('a[href="#/chat/web%3Aphone"]').click()
  await turn(page, 1)
  await page.setViewportSize({ width: 320, height: 256 })
  const { height } = (await page.getByRole('region', { name: 'Messages' }).boundingBox())!
  assert.ok(height > 100, `${height} px are left to read`)
  assert.deepEqual(complaints, [])
})
