import assert from 'node:assert/strict'
import test from 'node:test'
import { call, everywhere, open } from './dashboard.ts'
import { confirmed } from './fixtures.ts'
import { seed } from './seed.ts'

const WRITER = 'write-token-0123456789'
const READER = 'read-token-0123456789'

test('sessions, runs and approvals are shown and changed with the keyboard', async (t) => {
  const { options, runs } = confirmed()
  const { page, complaints, url } = await open(t, { ...options, config: { tools: { confirm: ['test.deed'] } } })
  await seed(url, { sessions: 4, messages: 24 })

  await page.goto(`${url}/dashboard/#/sessions?q=frontend:web`)
  await page.getByText('1 of 1 sessions').waitFor()
  const filter = page.getByRole('searchbox', { name: 'Filter the sessions' })
  await filter.fill('colour:red')
  await page.getByText('Not understood: colour:red').waitFor()
  await filter.fill('')
  await page.getByText('4 of 4 sessions').waitFor()
  await page.getByRole('button', { name: 'Messages' }).press('Enter')
  await page.waitForURL(/sort=messageCount/)
  assert.deepEqual(await everywhere(page), [])

  await page.getByRole('button', { name: 'Rename web:alice' }).press('Enter')
  await page.getByLabel('Title; empty').fill('The <b>backup</b>')
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: 'The <b>backup</b>' }).waitFor()
  await page.getByRole('button', { name: 'Archive telegram:alice' }).press('Enter')
  await page.getByText('3 of 3 sessions').waitFor()
  await page.getByRole('checkbox', { name: 'Select teams:alice' }).press('Space')
  await page.getByRole('button', { name: 'Delete selected' }).press('Enter')
  await page.getByRole('button', { name: 'Delete teams:alice' }).press('Enter')
  await page.getByText('2 of 2 sessions').waitFor()

  await page.getByRole('searchbox', { name: 'Search all messages' }).fill('Tuesday')
  await page.getByRole('region', { name: 'Messages found' }).getByRole('link').first().waitFor()
  assert.deepEqual(await everywhere(page), [])

  await page.getByRole('region', { name: 'Messages found' }).getByRole('link').first().press('Enter')
  await page.waitForURL(/#\/sessions\/[^/?]+\?at=\d+$/)
  await page.locator('.history .selected').waitFor()
  assert.deepEqual(await everywhere(page), [])
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download as Markdown' }).press('Enter')
  assert.match((await download).suggestedFilename(), /\.md$/)
  await page.getByRole('button', { name: 'Fork after message' }).first().press('Enter')
  await page.waitForURL(/#\/sessions\/ws%3A/)

  await page.goto(`${url}/dashboard/#/approvals`)
  await page.getByText('Nothing waits. Tools in tools.confirm ask here.').waitFor()
  for (const what of ['first\u202E', 'second']) {
    const sent = call(url, 'agent.send', { sessionId: 'web:alice', message: `/tool test.deed ${JSON.stringify({ what })}` })
    const asked = page.getByRole('region', { name: 'test.deed in web:alice' })
    await asked.getByText(`"what": "${what.replace('\u202E', '⟨202e⟩')}"`).waitFor()
    await page.getByRole('link', { name: 'Approvals 1 waiting' }).waitFor()
    if (what === 'second') assert.deepEqual(await everywhere(page), [])
    await page.keyboard.press(what === 'second' ? 'Control+Alt+Backspace' : 'Control+Alt+Enter')
    await asked.waitFor({ state: 'hidden' })
    assert.equal((await sent).status, 200)
  }
  assert.deepEqual(runs, [{ what: 'first\u202E' }])

  await page.goto(`${url}/dashboard/#/sessions/web%3Aalice`)
  await page.getByRole('region', { name: 'Runs' }).getByRole('link').first().press('Enter')
  await page.getByRole('button', { name: 'tool test.deed' }).press('Enter')
  await page.waitForURL(/step=\d/)
  await page.getByRole('region', { name: 'Chosen step' }).getByText('{"what":"second"}').waitFor()
  assert.deepEqual(await everywhere(page), [])
  await page.getByRole('button', { name: 'Replay at 4×' }).press('Enter')
  await page.getByRole('button', { name: 'JSON', exact: true }).press('Enter')
  await page.getByRole('region', { name: 'The run as JSON' }).waitFor()
  await page.getByRole('button', { name: 'Run again' }).waitFor()
  assert.deepEqual(complaints, [])
})

test('a credential that may only read sees sessions without actions', async (t) => {
  const { page, url } = await open(t, {
    config: {
      server: {
        tokens: [
          { name: 'writer', token: WRITER, scopes: ['read', 'write'] },
          { name: 'reader', token: READER, scopes: ['read'] }
        ]
      }
    }
  })
  await fetch(`${url}/rpc/sessions.create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${WRITER}` },
    body: JSON.stringify({ sessionId: 'web:alice' })
  })
  await page.goto(`${url}/dashboard/#/sessions`)
  await page.getByLabel('Token', { exact: true }).fill(READER)
  await page.getByRole('button', { name: 'Connect' }).click()
  await page.getByText('1 of 1 sessions').waitFor()
  assert.equal(await page.getByRole('button', { name: /Pin|Archive|Rename|Delete/ }).count(), 0)
  assert.equal(await page.getByRole('checkbox').count(), 0)
})
