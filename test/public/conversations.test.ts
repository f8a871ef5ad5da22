import assert from 'node:assert/strict'
import test from 'node:test'
import { everywhere, open } from './dashboard.ts'
import { seed } from './seed.ts'

const WRITER = 'write-token-0123456789'
const READER = 'read-token-0123456789'

test('sessions are found, changed and deleted with the keyboard', async (t) => {
  const { page, complaints, url } = await open(t)
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
