import assert from 'node:assert/strict'
import test from 'node:test'
import { csv } from '../../public/ui/csv.ts'
import { call, everywhere, open } from './dashboard.ts'
import { seed } from './seed.ts'

test('tools are run, methods called, entries filtered and settings found', async (t) => {
  const { page, complaints, url } = await open(t)
  await seed(url, { sessions: 4, messages: 8 })
  const go = async (hash: string): Promise<void> => {
    await page.goto(`${url}/dashboard/#/${hash}`)
  }

  await go('tools')
  await page.getByLabel('Find a tool').fill('file.wri')
  await page.getByRole('link', { name: 'file.write' }).press('Enter')
  // Not by key: a page that has just opened takes the focus.
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  const where = page.getByLabel('path', { exact: true })
  await page.getByText('is required').waitFor()
  await page.locator('[aria-invalid="true"]:focus').waitFor()
  await where.fill('note.md')
  await page.getByLabel('content', { exact: true }).fill('<b>hello</b>\u202E')
  await page.getByRole('button', { name: 'JSON' }).press('Enter')
  const args = page.getByLabel('Arguments as JSON')
  assert.deepEqual(JSON.parse(await args.inputValue()), { path: 'note.md', content: '<b>hello</b>\u202E' })
  await args.fill('{"path": ')
  await page.getByRole('button', { name: 'Run', exact: true }).press('Enter')
  await page.getByText('This is no JSON').waitFor()
  await args.fill('{"path":"note.md","content":"<b>hello</b>\u202E","mode":1}')
  await page.getByRole('button', { name: 'Form' }).press('Enter')
  await page.getByText('The form cannot show these values').waitFor()
  await page.getByRole('button', { name: 'Run', exact: true }).press('Enter')
  await page.getByRole('heading', { name: /^Run 1: failed/ }).waitFor()
  await page.getByText(/^mode is not known/).waitFor()
  await args.fill('{"path":"note.md","content":"<b>hello</b>\u202E"}')
  await page.getByRole('button', { name: 'Run', exact: true }).press('Enter')
  await page.getByRole('heading', { name: /^Run 2: ok/ }).waitFor()
  await page.getByRole('region', { name: 'Run 2' }).getByRole('button', { name: 'Run again' }).press('Enter')
  await page.getByRole('heading', { name: /^Run 3: ok/ }).waitFor()

  // A tool call of a past run begins another one.
  await call(url, 'agent.send', { sessionId: 'web:alice', message: '/tool file.read {"path":"report.md"}' })
  const answer = (await (await call(url, 'runs.list', { sessionId: 'web:alice' })).json()) as {
    result: { runs: { runId: string }[] }
  }
  await go(`sessions/web%3Aalice/${answer.result.runs[0]!.runId}`)
  await page.getByRole('button', { name: /^tool file\.read/ }).click()
  await page.getByRole('link', { name: 'Open in Tools' }).press('Enter')
  await page.getByLabel('Session, whose').waitFor()
  assert.equal(await page.getByLabel('Session, whose').inputValue(), 'web:alice')
  assert.equal(await page.getByLabel('path', { exact: true }).inputValue(), 'report.md')
  await page.getByLabel('Session, whose').fill('web:dashboard')
  await page.getByLabel('path', { exact: true }).fill('note.md')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('<b>hello</b>⟨202e⟩').waitFor()
  assert.deepEqual(await everywhere(page), [])

  await go('audit?q=event%3Atool.*')
  await page.getByText(/tool: file\.read · success: true/).waitFor()
  await page.getByLabel('Filter').fill('event:nothing.*')
  await page.getByText('No entry matches.').waitFor()
  assert.match(page.url(), /q=event%3Anothing/)
  await page.getByLabel('Filter').fill('event:tool.* session:web:dashboard')
  await page.getByText('3 of 3 entries').waitFor()
  assert.deepEqual(await everywhere(page), [])
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download these 3 as CSV' }).click()
  assert.equal((await saved).suggestedFilename(), 'audit.csv')

  await go('rpc/sessions.list')
  await page.getByLabel('limit (optional)').fill('0')
  await page.getByRole('button', { name: 'Send' }).press('Enter')
  await page.getByText('must be at least 1').waitFor()
  await page.getByLabel('limit (optional)').fill('1')
  await page.getByRole('button', { name: 'Send' }).press('Enter')
  await page.getByText(/"total": 5/).waitFor()
  assert.match((await page.getByRole('list', { name: 'Frames' }).textContent())!, /^→ sent 0 ms request sessions\.list/)
  assert.deepEqual(await everywhere(page), [])

  await go('rpc?view=events')
  await page.getByText('Choose the kinds of events').waitFor()
  await page.getByLabel('session', { exact: true }).check()
  await page.getByText('Nothing has come yet.').waitFor()
  await call(url, 'sessions.create', { sessionId: 'web:new' })
  await page.getByText('event session').click()
  await page.getByText('"sessionId": "web:new"').waitFor()
  assert.match(page.url(), /kinds=session$/)
  assert.deepEqual(await everywhere(page), [])
  await page.getByRole('button', { name: 'Methods' }).click()
  await page.getByRole('button', { name: 'Events' }).click()
  await page.getByText('Nothing has come yet.').waitFor()

  await go('config')
  await page.getByLabel('Find a setting').fill('nodes.enabled')
  await page.getByText('server.nodes.enabled').waitFor()
  await page.getByRole('button', { name: 'Preview' }).press('Enter')
  await page.getByRole('alert').getByText('This gateway cannot reload').waitFor()
  assert.deepEqual(await everywhere(page), [])

  await go('settings')
  await page.getByRole('button', { name: 'Dark' }).press('Enter')
  assert.equal(await page.evaluate('getComputedStyle(document.documentElement).colorScheme'), 'dark')
  await page.reload()
  await page.getByRole('button', { name: 'Dark', pressed: true }).waitFor()
  assert.deepEqual(await everywhere(page), [])
  assert.deepEqual(complaints, [])
})

test('a table for a spreadsheet quotes what would end a cell or begin a formula', () => {
  assert.equal(csv([['a', 'b"c', '=1+1', -1, { x: 1 }]]), 'a,"b""c",\'=1+1,-1,"{""x"":1}"\r\n')
})
