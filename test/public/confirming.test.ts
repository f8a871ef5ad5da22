import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { another, confirmed, connected, open, say, text, turn } from './fixtures.ts'

const TOKENS = [
  { name: 'reader', token: 'reads-only', scopes: ['read'] },
  { name: 'writer', token: 'reads-and-writes', scopes: ['read', 'write'] },
  { name: 'other', token: 'writes-too', scopes: ['read', 'write'] }
]

/** A page in which the agent wants to use a tool that has to be confirmed. */
async function asked(t: TestContext, what = 'it') {
  const { options, runs } = confirmed()
  const opened = await open(t, options)
  await connected(opened.page)
  const card = await ask(opened.page, what)
  return { ...opened, card, runs }
}

async function ask(page: Page, what = 'it'): Promise<Locator> {
  await say(page, `/tool test.deed ${JSON.stringify({ what })}`)
  return await waits(page)
}

/** The card that waits for whoever looks at this page. */
async function waits(page: Page): Promise<Locator> {
  const card = page.locator('.tool').filter({ has: page.getByRole('group', { name: 'Confirm test.deed' }) })
  await card.getByRole('button', { name: 'Refuse' }).waitFor()
  return card
}

/** The card once it is in that state, without anything to press. */
async function over(page: Page, state: string): Promise<string> {
  const card = page.locator(`.tool[data-state="${state}"]`)
  await card.waitFor()
  assert.equal(await page.locator('.confirm button').count(), 0)
  assert.equal(await page.locator('.tool').count(), 1)
  return await text(card)
}

async function logIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token', { exact: true }).fill(token)
  await page.getByRole('button', { name: 'Connect' }).click()
  await connected(page)
}

test('a tool that has to be confirmed shows what it would do, and runs when somebody allows it', async (t) => {
  const { options, runs } = confirmed()
  const { page, gateway, complaints } = await open(t, options)
  const told = new Set<number>()
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const { id, event } = JSON.parse(String(payload))
      if (event === 'tool_start') told.add(id)
    })
  )
  await page.goto(`${gateway.url}/`)
  await connected(page)
  const card = await ask(page)
  const question = 'The agent waits: may this run, exactly as it stands here? Allow Refuse'
  assert.match(
    await text(card),
    new RegExp(`^test\\.deed waits for you Arguments \\{ "what": "it" \\} ${question.replace('?', '\\?')} [12]:\\d\\d left$`)
  )
  assert.equal(await text(page.locator('.note:visible')), '', 'it does not work, it waits')
  assert.deepEqual(runs, [])
  await page
    .locator('#announcer', { hasText: /^The agent wants to run test\.deed\. Allow or refuse it: [12]:\d\d left\.$/ })
    .waitFor()
  // Whoever writes is not disturbed, and the buttons are where the keyboard gets to.
  assert.equal(await page.evaluate('document.activeElement.id'), 'draft')
  await card.locator('summary').focus()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Allow')
  await page.keyboard.press('Enter')
  await turn(page, 1)
  assert.equal(await over(page, 'ok'), 'test.deed ok Arguments { "what": "it" } Allowed. Result did it')
  assert.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY')
  assert.deepEqual(runs, [{ what: 'it' }])
  assert.equal(told.size, 2, 'its events come under two ids, and the card is there once')
  assert.deepEqual(complaints, [])
})

test('a tool that somebody refuses does not run, and the agent goes on', async (t) => {
  const { page, card, runs } = await asked(t)
  await card.getByRole('button', { name: 'Refuse' }).click()
  await turn(page, 1)
  assert.match(await over(page, 'refused'), /Refused\. Error Not run: a person refused test\.deed\.$/)
  assert.deepEqual(runs, [])
})

test('the second click of two answers nothing: it was meant for what stood there before', async (t) => {
  const { page, card, runs } = await asked(t)
  await card.getByRole('button', { name: 'Allow' }).dispatchEvent('click', { detail: 2 })
  await card.getByRole('button', { name: 'Refuse' }).click()
  await turn(page, 1)
  await over(page, 'refused')
  assert.deepEqual(runs, [])
})

test('what would run is shown as it is: no HTML, and nothing that hides or turns the text around', async (t) => {
  const { page, card, runs, complaints } = await asked(t, '<b>a</b>\u202e\u200bb\u{e0041}\n')
  assert.match(await text(card), /"what": "<b>a<\/b>\\u\{202e\}\\u\{200b\}b\\u\{e0041\}\\n"/)
  assert.equal(await card.locator('b').count(), 0)
  await card.getByRole('button', { name: 'Allow' }).click()
  await turn(page, 1)
  assert.deepEqual(runs, [{ what: '<b>a</b>\u202e\u200bb\u{e0041}\n' }])
  assert.deepEqual(complaints, [])
})

for (const [answer, here, elsewhere] of [
  ['Allow', 'ok', /^test\.deed ok .* Allowed elsewhere\. Result did it$/],
  ['Refuse', 'refused', /^test\.deed failed .* Error Not run: a person refused test\.deed\.$/]
] as const) {
  test(`of two pages one says ${answer}, and the other says what came of it`, async (t) => {
    const { page, gateway } = await asked(t)
    const two = await another(page, gateway)
    await (await waits(two)).getByRole('button', { name: answer }).click()
    await turn(two, 1)
    await over(two, here)
    await turn(page, 1)
    assert.match(await over(page, answer === 'Allow' ? 'ok' : 'failed'), elsewhere)
  })
}

test('an answer that comes too late says so', async (t) => {
  const { options, runs } = confirmed()
  const { page, gateway } = await open(t, options)
  let deaf = false
  await page.routeWebSocket('**', (socket) => {
    const server = socket.connectToServer()
    // What the other page has said is on its way.
    server.onMessage((message) => (deaf && !('error' in JSON.parse(String(message)))) || socket.send(message))
  })
  await page.reload()
  await connected(page)
  const card = await ask(page)
  const two = await another(page, gateway)
  deaf = true
  await (await waits(two)).getByRole('button', { name: 'Refuse' }).click()
  await turn(two, 1)
  await card.getByRole('button', { name: 'Allow' }).click()
  await card.getByText('It does not wait any more: it was answered elsewhere, or its time is over.').waitFor()
  assert.deepEqual(runs, [])
})

test('what waits is there again after a reload and after a broken connection, as long as somebody else is there', async (t) => {
  const { options, runs } = confirmed()
  const { page, gateway, away, back } = await open(t, options)
  let cut = () => {}
  await page.routeWebSocket('**', (socket) => {
    socket.connectToServer()
    cut = () => void socket.close({ code: 1011 })
  })
  await page.reload()
  await connected(page)
  await ask(page)
  const two = await another(page, gateway)
  await waits(two)
  await page.reload()
  const card = await waits(page)
  await away()
  cut()
  await turn(page, 1, 'lost')
  await card.getByRole('button', { name: 'Allow' }).click()
  await card.getByText('Not answered: There is no connection to the gateway').waitFor()
  await back()
  await turn(page, 1, 'working')
  await card.getByRole('button', { name: 'Allow' }).click()
  await turn(page, 1)
  assert.match(await over(page, 'ok'), /Allowed\. Result did it$/)
  await turn(two, 1)
  assert.match(await over(two, 'ok'), /Allowed elsewhere\./)
  assert.deepEqual(runs, [{ what: 'it' }])
})

test('when the only page is reloaded nobody is there: the tool does not run, and nothing asks for it', async (t) => {
  const { page, runs } = await asked(t)
  await page.reload()
  const shown = await turn(page, 1, 'done')
  assert.match(await text(shown.locator('.tool')), /^test\.deed failed/)
  // Found by its text, also while it is folded: the history may replace the card that a replay has drawn.
  const reason = /Not run: the last person who could confirm test\.deed has disconnected\.$/
  await page.locator('.tool[data-state="failed"]', { hasText: reason }).waitFor()
  assert.deepEqual(runs, [])
})

test('who goes to another conversation does not answer for the one before', async (t) => {
  const { page, gateway, runs } = await asked(t)
  const { confirmations } = gateway.app
  assert.equal(confirmations.size, 1)
  await page.getByRole('button', { name: 'New conversation' }).click()
  const card = await ask(page, 'something else')
  assert.equal(confirmations.size, 1, 'the first was refused when its page left')
  await card.getByRole('button', { name: 'Allow' }).click()
  await turn(page, 1)
  assert.deepEqual(runs, [{ what: 'something else' }])
})

test('the time runs down by the clock of the gateway, is told twice, and takes the buttons with it', async (t) => {
  const { options } = confirmed()
  const { page } = await open(t, options)
  // A computer whose clock is wrong by an hour.
  await page.clock.install({ time: Date.now() + 3_600_000 })
  await page.reload()
  await connected(page)
  const card = await ask(page)
  assert.match(await text(card.getByRole('timer')), /^([12]:\d\d) left$/)
  const told = page.locator('#announcer')
  await page.clock.fastForward(60_000)
  await card.getByText(/^(1:0\d|0:5\d) left$/).waitFor()
  assert.match(await text(told), /^The agent wants to run test\.deed\./)
  await page.clock.fastForward(35_000)
  await card.getByText(/^0:2\d left$/).waitFor()
  assert.match(await text(told), /^test\.deed still waits\. Allow or refuse it: 0:[23]\d left\.$/)
  await page.clock.fastForward(30_000)
  assert.match(await over(page, 'running'), /Not answered here, and the time for it is over\.$/)
})

test('a question whose time was over before it was told has no buttons', async (t) => {
  const { options } = confirmed()
  const { page } = await open(t, options)
  await page.routeWebSocket('**', (socket) => {
    const server = socket.connectToServer()
    server.onMessage((message) => {
      const frame = JSON.parse(String(message))
      if (frame.data?.confirm) frame.data.confirm.expiresAt -= 200_000
      socket.send(JSON.stringify(frame))
    })
  })
  await page.reload()
  await connected(page)
  await say(page, '/tool test.deed {"what":"it"}')
  assert.equal(await over(page, 'running'), 'test.deed running')
})

test('a run that is stopped takes its question along', async (t) => {
  const { page, runs } = await asked(t)
  await page.keyboard.press('Escape')
  await turn(page, 1, 'stopped')
  assert.match(await over(page, 'not answered here'), /^test\.deed not answered here Arguments \{ "what": "it" \}$/)
  assert.deepEqual(runs, [])
})

test('who may only read sees what waits and is not asked; who may write, but not for others, is told so', async (t) => {
  const { options, runs } = confirmed({ server: { tokens: TOKENS, shutdown_grace_seconds: 0 } })
  const { page, gateway } = await open(t, options)
  await logIn(page, 'reads-and-writes')
  const card = await ask(page)
  const reader = await another(page, gateway, (page) => logIn(page, 'reads-only'))
  const seen = reader.locator('.tool[data-state="waits to be confirmed"]')
  await seen.getByText('This tool waits for confirmation. Your login cannot confirm tools:').waitFor()
  assert.equal(await reader.locator('.confirm button').count(), 0)
  assert.equal(await reader.locator('#notice').isVisible(), false)
  const other = await another(page, gateway, (page) => logIn(page, 'writes-too'))
  const theirs = await waits(other)
  await theirs.getByRole('button', { name: 'Allow' }).click()
  await theirs.getByText('Only the requester of the run').waitFor()
  assert.match(await over(other, 'waits to be confirmed'), /may confirm its tools$/)
  assert.deepEqual(runs, [])
  await card.getByRole('button', { name: 'Allow' }).click()
  for (const shown of [page, reader, other]) {
    await turn(shown, 1)
    assert.match(await over(shown, 'ok'), /Result did it$/)
  }
})

test('on a narrow screen the question fits, and its buttons are large enough for a finger', async (t) => {
  const { page, card } = await asked(t, 'long'.repeat(200))
  await page.setViewportSize({ width: 390, height: 780 })
  for (const name of ['Allow', 'Refuse']) {
    const button = card.getByRole('button', { name })
    await button.scrollIntoViewIfNeeded()
    const { x, width, height } = (await button.boundingBox()) ?? { x: 0, width: 0, height: 0 }
    assert.ok(width >= 44 && height >= 44 && x + width <= 390, `${name}: ${x}, ${width} × ${height}`)
  }
  assert.equal(await page.evaluate('log.scrollWidth - log.clientWidth'), 0)
})
