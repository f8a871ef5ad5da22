import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import { Type } from '@sinclair/typebox'
import type { Page } from 'playwright-core'
import { gatewayPlugin } from '../../plugins/define.ts'
import { defineTool } from '../../plugins/tools/define.ts'
import { connect } from '../helper.ts'
import { connected, gated, open, say, text, turn } from './fixtures.ts'

const TOKEN = 'correct horse bättery staple'
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

async function logIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token', { exact: true }).fill(token)
  await page.getByRole('button', { name: 'Connect' }).click()
}

test('the page says that the gateway runs and who answers, and the browser has nothing to complain about', async (t) => {
  const { page, gateway, complaints } = await open(t)
  await connected(page)
  const facts = await text(page.locator('#facts'))
  assert.match(facts, /^Gateway \d+\.\d+\.\d+ is running · up \d+ s · 1 connection · answered by the built-in offline model$/)
  assert.match(await text(page.locator('#offline')), /^No model is configured\..+How to connect a real one/)
  await page.getByText('How to connect a real one').click()
  assert.match(await text(page.locator('#offline')), /models: default: anthropic: api_key:/)
  await connect(t, gateway.url)
  await page.evaluate('dispatchEvent(new Event("focus"))')
  await page.locator('#facts', { hasText: '2 connections' }).waitFor()
  assert.deepEqual(complaints, [])
})

test('a message is answered, piece by piece, over the real socket', async (t) => {
  const { page, complaints, gateway } = await open(t)
  let pieces = 0
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      if (String(payload).includes('"event":"content"')) pieces++
    })
  )
  await page.goto(`${gateway.url}/`)
  await connected(page)
  await say(page, 'say One two three four five six seven')
  assert.equal(
    await text(await turn(page, 1)),
    'You: say One two three four five six seven Agent: One two three four five six seven'
  )
  assert.ok(pieces > 1, `${pieces} content events`)
  await say(page, 'what was it?')
  assert.match(await text(await turn(page, 2)), /Earlier you said: "say One two/)
  assert.match(await text(page.locator('#announcer')), /^The agent has answered: You said/)
  assert.deepEqual(complaints, [])
})

test('what anybody says is text, never HTML', async (t) => {
  const { page, complaints } = await open(t)
  await connected(page)
  const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
  await say(page, `say ${attack}`)
  const shown = await turn(page, 1)
  assert.equal(await text(shown), `You: say ${attack} Agent: ${attack}`)
  await say(page, `/tool memory.put ${JSON.stringify({ key: attack, value: attack })}`)
  await turn(page, 2)
  await page.reload()
  await turn(page, 2)
  assert.equal(await page.locator('#turns img, #turns script').count(), 0)
  assert.equal(await page.title(), 'Flynn gateway')
  assert.deepEqual(complaints, [])
})

test('a tool call is a card that opens: what was asked, what came of it', async (t) => {
  const { page } = await open(t)
  await connected(page)
  await say(page, '/tool memory.put {"key":"a","value":"b"}')
  const card = (await turn(page, 1)).locator('details')
  assert.equal(await text(card.locator('summary')), 'memory.put ok')
  assert.equal(await card.locator('pre').first().isVisible(), false)
  await card.locator('summary').click()
  assert.equal(await text(card), 'memory.put ok Arguments { "key": "a", "value": "b" } Result stored under \'a\' in \'notes\'')
  await say(page, '/tool memory.get {"key":"nothing"}')
  const failed = (await turn(page, 2)).locator('details')
  await failed.locator('summary').click()
  assert.match(await text(failed), /^memory\.get failed Arguments .+ Error nothing is stored/)
})

test('files of a tool are shown when they are images, and offered as bytes when they are not', async (t) => {
  const attachments = [
    { mimeType: 'image/png', data: PIXEL, filename: 'dot.png' },
    { mimeType: 'text/html', data: Buffer.from('<script>alert(1)</script>').toString('base64'), filename: 'page.html' }
  ]
  const tool = defineTool({
    name: 'test.files',
    description: '',
    input: Type.Object({}),
    run: async () => ({ output: 'two', attachments })
  })
  const plugins = [gatewayPlugin({ name: 'files' }, async (app) => app.tools.add(tool))]
  const { page, complaints } = await open(t, { plugins })
  await connected(page)
  await say(page, '/tool test.files')
  const answer = await turn(page, 1)
  await page.evaluate('document.querySelector("#turns img").decode()')
  assert.equal(await answer.getByRole('img').getAttribute('alt'), 'dot.png')
  const link = answer.getByRole('link', { name: 'Download page.html' })
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  assert.equal(download.suggestedFilename(), 'page.html')
  assert.equal(await readFile(await download.path(), 'utf8'), '<script>alert(1)</script>')
  assert.deepEqual(complaints, [])
})

test('a reload brings the conversation back', async (t) => {
  const { page } = await open(t)
  await connected(page)
  await say(page, '/tool memory.put {"key":"a","value":"b"}')
  const before = await text(await turn(page, 1))
  await say(page, 'say goodbye')
  await turn(page, 2)
  await page.reload()
  assert.equal(await text(await turn(page, 1)), before)
  assert.equal(await text(await turn(page, 2)), 'You: say goodbye Agent: goodbye')
  await page.getByRole('button', { name: 'New conversation' }).click()
  await page.getByText('What shall we talk about?').waitFor()
  await say(page, 'say hello')
  assert.equal(await text(await turn(page, 1)), 'You: say hello Agent: hello')
  await page.reload()
  await turn(page, 1)
  assert.equal(await page.locator('#turns > li').count(), 1)
})

test('Enter sends, Shift and Enter begin a line, and an input method keeps its Enter', async (t) => {
  const { page } = await open(t)
  await connected(page)
  const draft = page.getByLabel('Message', { exact: true })
  await draft.fill('say one')
  await page.keyboard.press('Shift+Enter')
  await page.keyboard.type('two')
  assert.equal(await draft.inputValue(), 'say one\ntwo')
  await draft.dispatchEvent('keydown', { key: 'Enter', isComposing: true })
  await draft.dispatchEvent('keydown', { key: 'Enter', keyCode: 229 })
  assert.equal(await draft.inputValue(), 'say one\ntwo')
  await page.keyboard.press('Enter')
  assert.equal(await draft.inputValue(), '')
  assert.deepEqual(await (await turn(page, 1)).locator('.text').allInnerTexts(), ['Agent:\none\ntwo'])
})

test('while the agent works messages queue up, and Escape stops all of it', async (t) => {
  const { plugin, started } = gated()
  const { page } = await open(t, { plugins: [plugin] })
  await connected(page)
  const stop = page.getByRole('button', { name: 'Stop' })
  assert.equal(await stop.isVisible(), false)
  await say(page, '/tool test.wait')
  await started
  assert.equal(await text((await turn(page, 1, 'working')).locator('summary')), 'test.wait running')
  await say(page, 'and this')
  assert.match(await text(await turn(page, 2, 'queued')), /Waits, 1 before it Take back$/)
  assert.equal(await stop.isVisible(), true)
  await page.keyboard.press('Escape')
  assert.match(await text(await turn(page, 1, 'stopped')), /test\.wait outcome unknown Stopped$/)
  assert.match(await text(await turn(page, 2, 'stopped')), /Stopped$/)
  assert.equal(await stop.isVisible(), false)
  await say(page, 'say still here')
  await turn(page, 3)
})

test('a run that fails says so in words', async (t) => {
  const { page, gateway } = await open(t)
  await connected(page)
  await gateway.app.lanes.close(0)
  await say(page, 'hello')
  assert.match(await text(await turn(page, 1, 'failed')), /The gateway is shutting down Take back$/)
})

test('without a connection messages wait, and can be taken back', async (t) => {
  const { page, cut, away, back } = await open(t)
  await connected(page)
  await away()
  cut()
  await say(page, 'say meanwhile')
  assert.match(await text(await turn(page, 1, 'waiting')), /Not sent yet: waiting for the connection Take back$/)
  await say(page, 'say never mind')
  await (await turn(page, 2, 'waiting')).getByRole('button', { name: 'Take back' }).click()
  assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'say never mind')
  await page.getByRole('button', { name: 'Retry now' }).waitFor()
  await back()
  assert.equal(await text(await turn(page, 1)), 'You: say meanwhile Agent: meanwhile')
  assert.equal(await page.locator('#turns > li').count(), 1)
})

test('the page asks for the token, says when it is wrong, and takes it along as a subprotocol', async (t) => {
  const { page, urls } = await open(t, { config: { server: { token: TOKEN } } })
  await page.getByRole('heading', { name: 'This gateway asks for its token' }).waitFor()
  assert.equal(await text(page.locator('#login-message')), '')
  await page.getByText('What the gateway said').click()
  assert.match(await text(page.locator('#login-details')), /^Authentication required/)
  await logIn(page, 'wrong')
  await page.locator('#login-message', { hasText: 'Authentication failed' }).waitFor()
  assert.ok(!urls.some((url) => url.startsWith('ws:')), 'no socket is opened with a token that HTTP refuses')
  await logIn(page, TOKEN)
  await connected(page)
  await say(page, 'say I am in')
  await turn(page, 1)
  const kept = await page.evaluate(
    'JSON.stringify([localStorage, sessionStorage, document.cookie, location.href, history.state])'
  )
  const spellings = [TOKEN, encodeURIComponent(TOKEN), Buffer.from(TOKEN).toString('base64url')]
  for (const seen of [String(kept), ...urls]) {
    for (const spelling of spellings) assert.ok(!seen.includes(spelling), seen)
  }
  // It was kept in memory only.
  await page.reload()
  await page.getByLabel('Token', { exact: true }).waitFor()
})

test('a token that the socket refuses, where HTTP reads are open, brings the form back', async (t) => {
  const { page, urls } = await open(t, { config: { server: { token: TOKEN, auth_http: false } } })
  await page.getByLabel('Token', { exact: true }).waitFor()
  assert.ok(urls.some((url) => url.startsWith('ws:')))
  await logIn(page, TOKEN)
  await connected(page)
})

test('a remembered token outlives the page, as a cookie that scripts cannot see, until it is given back', async (t) => {
  const { page } = await open(t, { config: { server: { token: TOKEN } } })
  await page.getByLabel('Remember on this device').check()
  await logIn(page, 'wrong')
  await page.locator('#login-message', { hasText: 'Authentication failed' }).waitFor()
  await logIn(page, TOKEN)
  await connected(page)
  await say(page, 'say I am in')
  await turn(page, 1)
  assert.equal(await page.evaluate('document.cookie'), '')
  await page.reload()
  await connected(page)
  await turn(page, 1)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Token', { exact: true }).waitFor()
  assert.equal(await page.locator('#turns > li').count(), 0)
  await page.reload()
  await page.getByLabel('Token', { exact: true }).waitFor()
})

test('after too many wrong tokens the page says when to try again', async (t) => {
  const { page, gateway } = await open(t, { config: { server: { token: TOKEN } } })
  for (let attempt = 0; attempt < 10; attempt++) {
    await fetch(`${gateway.url}/api/health`, { headers: { authorization: `Bearer wrong ${attempt}` } })
  }
  await logIn(page, 'one more wrong token')
  await page.locator('#login-message', { hasText: /try again in \d+ seconds/ }).waitFor()
  await page.getByLabel('Remember on this device').check()
  await logIn(page, 'one more wrong token')
  await page.locator('#login-message', { hasText: /try again in \d+ seconds/ }).waitFor()
})

test('under a prefix everything works as at the root, and no other place is asked, whatever the query says', async (t) => {
  const { page, gateway, complaints, urls } = await open(t, { prefix: '/agent' }, '?gatewayUrl=ws://127.0.0.1:9/&token=x')
  await connected(page)
  await say(page, 'say hello')
  await turn(page, 1)
  assert.deepEqual(complaints, [])
  assert.ok(urls.some((url) => url.startsWith('ws:')))
  for (const url of urls) assert.ok(url.replace(/^ws/, 'http').startsWith(`${gateway.url}/`), url)
})

test('every control has a name, and is large enough for a finger', async (t) => {
  const { plugin, started, release } = gated()
  const { page } = await open(t, { plugins: [plugin], config: { server: { token: TOKEN } } })
  await page.setViewportSize({ width: 390, height: 780 })
  const check = async () => {
    const tree = await page.locator('body').ariaSnapshot()
    assert.doesNotMatch(tree, /- (button|textbox|checkbox|link|region|form|navigation)(:| *$)/m)
    for (const control of await page
      .locator('button:visible, textarea:visible, input[type=password]:visible, summary:visible')
      .all()) {
      const { width, height } = (await control.boundingBox()) ?? { width: 0, height: 0 }
      assert.ok(width >= 44 && height >= 44, `${await text(control)}: ${width} × ${height}`)
    }
  }
  await page.getByLabel('Token', { exact: true }).waitFor()
  await check()
  await logIn(page, TOKEN)
  await connected(page)
  await say(page, '/tool test.wait')
  await started
  await turn(page, 1, 'working')
  await check()
  release('done')
  await turn(page, 1)
})

test('the end stays in sight, unless the reader has left it', async (t) => {
  const { page } = await open(t)
  await connected(page)
  const latest = page.getByRole('button', { name: 'Jump to latest' })
  const toEnd = async () => {
    // What grew is measured with one frame and scrolled to before the next.
    await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
    return Number(await page.evaluate('log.scrollHeight - log.scrollTop - log.clientHeight'))
  }
  await say(page, `say ${'many lines\n'.repeat(100)}`)
  await turn(page, 1)
  assert.ok((await toEnd()) < 2)
  assert.equal(await latest.isVisible(), false)
  await page.evaluate('log.scrollTop = 0')
  await latest.waitFor()
  assert.ok((await toEnd()) > 500)
  await latest.click()
  assert.ok((await toEnd()) < 2)
  await latest.waitFor({ state: 'hidden' })
})
