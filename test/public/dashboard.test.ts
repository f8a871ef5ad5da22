import assert from 'node:assert/strict'
import test from 'node:test'
import { call, everywhere, open, violations } from './dashboard.ts'
import { seed } from './seed.ts'

test('lanes are seen live, paused, resumed and changed, with the keyboard alone', async (t) => {
  const { page, complaints, url } = await open(t)
  await seed(url, { sessions: 4, messages: 8 })
  await page.goto(`${url}/dashboard/#/lanes`)
  await page.getByText('Nothing runs and nothing waits.').waitFor()
  await call(url, 'queue.pause', { sessionId: 'web:alice' })
  const waiting = call(url, 'agent.send', { sessionId: 'web:alice', message: 'And <b>tomorrow</b>?\u202E' })
  const lane = page.getByRole('region', { name: 'web:alice' })
  await lane.getByText('And <b>tomorrow</b>?⟨202e⟩').waitFor()
  assert.equal(await page.title(), 'Lanes – Flynn')

  await lane.getByRole('button', { name: 'Change the policy' }).press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Policy of web:alice' })
  await dialog.getByLabel('A message that comes').selectOption('collect')
  await dialog.getByLabel('Most waiting').fill('5')
  await dialog.getByRole('button', { name: 'Save' }).press('Enter')
  await lane.getByText('collect (from session) · at most 5 (session)').waitFor()

  assert.deepEqual(await everywhere(page), [])

  await lane.getByRole('button', { name: 'Clear' }).press('Enter')
  await page.getByRole('dialog').getByText('1 waiting message is taken back').waitFor()
  await page.keyboard.press('Escape')
  await lane.getByRole('button', { name: 'Resume' }).press('Enter')
  assert.equal((await waiting).status, 200)
  await page.getByText('Nothing runs and nothing waits.').waitFor()

  await page.keyboard.press('Control+k')
  await page.keyboard.type('web:alice')
  await page.keyboard.press('Enter')
  await page.waitForURL(/#\/chat\/web%3Aalice$/)

  // It also finds messages, tools and methods, and acts.
  const choices = page.getByRole('listbox', { name: 'Places' }).getByRole('option')
  await page.keyboard.press('Control+k')
  await page.keyboard.type('tomorrow')
  await choices.filter({ hasText: /^And <b>tomorrow<.b>.⟨202e⟩ web:alicemessage$/ }).waitFor()
  assert.deepEqual(await violations(page), [])
  await page.keyboard.press('Control+a')
  await page.keyboard.type('tool file.read')
  await choices.filter({ hasText: 'file.read' }).waitFor()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('queue.pause')
  await choices.filter({ hasText: 'method' }).first().waitFor()
  await page.keyboard.press('Enter')
  await page.waitForURL(/#\/rpc\/queue\.pause$/)
  await page.keyboard.press('Control+k')
  await page.keyboard.type('theme dark')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate('document.documentElement.style.colorScheme'), 'dark')
  assert.deepEqual(complaints, [])
})

test('a token opens it, a credential that may only read sees no actions, and logging out closes it', async (t) => {
  const { page, complaints, url } = await open(t, {
    prefix: '/agent',
    config: {
      server: { token: 'full-token-0123456789', tokens: [{ name: 'screen', token: 'read-token-0123456789', scopes: ['read'] }] }
    }
  })
  await page.getByRole('heading', { name: 'asks for its token' }).waitFor()
  assert.deepEqual(await violations(page), [])
  await page.getByLabel('Token', { exact: true }).fill('wrong-token-0123456789')
  await page.getByRole('button', { name: 'Connect' }).click()
  await page
    .getByRole('alert')
    .getByText(/not one that this gateway accepts/)
    .waitFor()
  await page.getByLabel('Token', { exact: true }).fill('read-token-0123456789')
  await page.getByLabel('Remember').check()
  await page.getByRole('button', { name: 'Connect' }).click()
  await page.getByText('Connected', { exact: true }).waitFor()
  await call(url, 'sessions.create', { sessionId: 'web:alice' }, 'full-token-0123456789')
  await call(url, 'queue.pause', { sessionId: 'web:alice' }, 'full-token-0123456789')
  await page.goto(`${url}/dashboard/#/lanes`)
  await page.reload()
  const lane = page.getByRole('region', { name: 'web:alice' })
  await lane.waitFor()
  assert.equal(await lane.getByRole('button', { name: /Pause|Resume|Change|Clear/ }).count(), 0)
  await page.goto(`${url}/dashboard/#/people`)
  await page.getByRole('heading', { name: 'Presence' }).waitFor()
  assert.equal(await page.getByRole('button', { name: /Make a code|Shut out|Close/ }).count(), 0)
  assert.equal(await page.getByRole('link', { name: /Services|Nodes/ }).count(), 0)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('heading', { name: 'asks for its token' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'asks for its token' }).waitFor()
  // The browser reports each refusal of a credential by itself.
  assert.deepEqual(
    complaints.filter((text) => !/401/.test(text)),
    []
  )
})

test('what was seen stays while the gateway is away, and the first load is small', async (t) => {
  const { page, host, url } = await open(t)
  await page.getByText('All is well.').waitFor()
  const sizes = (await page.evaluate(
    'performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation")).map((one) => one.encodedBodySize)'
  )) as number[]
  const total = sizes.reduce((sum, size) => sum + size, 0)
  assert.ok(total > 5000 && total < 90_000, `${total} bytes`)
  const plain = await fetch(`${url}/dashboard/`, { headers: { 'accept-encoding': 'br;q=0, gzip' } })
  assert.equal(plain.headers.get('content-encoding'), 'gzip')
  assert.match(plain.headers.get('content-security-policy')!, /require-trusted-types-for 'script'/)
  await host.close()
  await page
    .getByText(/No connection/)
    .first()
    .waitFor()
  assert.ok(await page.getByText('First steps').isVisible())
})
