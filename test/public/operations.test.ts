import assert from 'node:assert/strict'
import test from 'node:test'
import { everywhere, open } from './dashboard.ts'
import { seed } from './seed.ts'

test('an operator looks after the gateway, with the keyboard alone', async (t) => {
  const { page, complaints, url } = await open(t)
  await t.test('the overview teaches an empty gateway, and says what is wrong with a busy one', async () => {
    await page.getByRole('status').getByText('All is well.').waitFor()
    await page.getByRole('region', { name: 'First steps' }).getByRole('link', { name: 'Send your first message' }).waitFor()
    await seed(url, { sessions: 8, messages: 32 })
    await page.getByRole('listitem').getByText('1 run has failed in the last hour').waitFor()
    await page.getByText('1 of 1 failed runs').waitFor()
    const failed = page.getByRole('row').filter({ hasText: 'could not be reached' })
    assert.match((await failed.getByRole('link').getAttribute('href'))!, /^#\/sessions\/[^/]+\/[0-9a-f-]{36}$/)
    assert.deepEqual(await everywhere(page), [])
    await page.getByRole('link', { name: /running, 0 waiting/ }).press('Enter')
    await page.getByRole('heading', { name: 'Lanes' }).waitFor()
  })
  assert.deepEqual(complaints, [])
})
