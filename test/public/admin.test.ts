import assert from 'node:assert/strict'
import test from 'node:test'
import { csv } from '../../public/ui/csv.ts'
import { everywhere, open } from './dashboard.ts'
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
  const args = page.getByLabel('Arguments as JSON')
  await args.fill('{"path": ')
  await page.getByRole('button', { name: 'Run', exact: true }).press('Enter')
  await page.getByRole('alert').getByText('The arguments are no JSON').waitFor()
  await args.fill('{"path":"note.md","content":"<b>hello</b>\u202E"}')
  await page.getByRole('button', { name: 'Run', exact: true }).press('Enter')
  await page.getByRole('heading', { name: /^Run 1: ok/ }).waitFor()
  await go('tools/file.read')
  await page.getByLabel('Arguments as JSON').fill('{"path":"note.md"}')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('<b>hello</b>⟨202e⟩').waitFor()
  assert.deepEqual(await everywhere(page), [])

  await go('audit?q=event%3Atool.*')
  await page.getByText(/tool: file\.read · success: true/).waitFor()
  await page.getByLabel('Filter').fill('event:nothing.*')
  await page.getByText('No entry matches.').waitFor()
  assert.match(page.url(), /q=event%3Anothing/)
  await page.getByLabel('Filter').fill('event:tool.* session:web:dashboard')
  await page.getByText('2 of 2 entries').waitFor()
  assert.deepEqual(await everywhere(page), [])
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download these 2 as CSV' }).click()
  assert.equal((await saved).suggestedFilename(), 'audit.csv')

  await go('rpc/sessions.list')
  await page.getByLabel('Params as JSON').fill('{"limit": 0}')
  await page.getByRole('button', { name: 'Send' }).press('Enter')
  await page
    .getByText(/params\.limit/)
    .first()
    .waitFor()
  await page.getByLabel('Params as JSON').fill('{"limit": 1}')
  await page.getByRole('button', { name: 'Send' }).press('Enter')
  await page.getByText(/"total": 5/).waitFor()
  assert.deepEqual(await everywhere(page), [])

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
