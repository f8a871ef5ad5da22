import assert from 'node:assert/strict'
import test from 'node:test'
import { rejection } from '../../helper.ts'
import { PIXEL } from './fixtures/tools.ts'
import { alive, program, rig } from './fixtures.ts'

test('the tools of a server are offered under its name, and answer', async (t) => {
  const { server, call } = rig(t, program('stdio.ts'))
  const tools = await server.tools()
  const echo = tools.find(({ name }) => name === 'example.echo')
  assert.equal(echo?.description, 'Says it again')
  assert.deepEqual(echo.inputSchema.required, ['text'])
  assert.deepEqual(await call('echo', { text: 'Hello' }), { output: 'Hello', attachments: [] })
  assert.deepEqual(await call('picture'), {
    output: 'Here it is',
    attachments: [{ mimeType: 'image/png', data: PIXEL }]
  })
})

test('a server that speaks only the protocol of 2026 is greeted in its own way', async (t) => {
  const { call } = rig(t, program('stdio.ts', 'modern'))
  assert.deepEqual(await call('echo', { text: 'Hello' }), { output: 'Hello', attachments: [] })
})

test('nothing is started before tools are needed', async (t) => {
  const { server, journal } = rig(t, program('stdio.ts'))
  await server.close()
  assert.deepEqual(await server.tools(), [])
  assert.deepEqual(journal.entries, [])
})

test('arguments are checked against the schema of the server before they are sent', async (t) => {
  const { tool } = rig(t, program('stdio.ts'))
  const { issues } = await tool('echo')
  assert.deepEqual(issues({ text: 'x' }), [])
  assert.deepEqual(issues({ text: 1 }), [{ path: 'args.text', message: 'must be string' }])
  assert.deepEqual(issues({}), [{ path: 'args.text', message: 'is required' }])
  assert.deepEqual(issues({ text: 'x', tone: 'y' }), [{ path: 'args.tone', message: 'is unknown' }])
  assert.deepEqual(issues('text'), [{ path: 'args', message: 'must be an object' }])
})

test('a tool that says it failed is a failure, in its own words', async (t) => {
  const { call } = rig(t, program('stdio.ts'))
  assert.equal((await rejection(call('fail'))).message, 'out of paper')
})

test('what a tool says of its failure has none of its secrets in it, not even a part that is a secret by itself', async (t) => {
  const { call } = rig(t, { ...program('stdio.ts'), env: { COMPLAINT: 'Bearer walrus-meadow' } })
  assert.equal((await rejection(call('fail'))).message, '***')
})

test('a program sees PATH, HOME, LANG and its own env only', async (t) => {
  process.env.FLYNN_TOKEN = 'canary-of-the-environment'
  t.after(() => delete process.env.FLYNN_TOKEN)
  const { call } = rig(t, { ...program('stdio.ts'), env: { API_TOKEN: 'its own' } })
  const { output } = (await call('environment')) as { output: string }
  const { __CF_USER_TEXT_ENCODING: _, ...seen } = JSON.parse(output)
  assert.deepEqual(Object.keys(seen).sort(), ['API_TOKEN', 'HOME', 'LANG', 'PATH'])
  assert.equal(seen.API_TOKEN, 'its own')
})

test('a cancelled call is cancelled at the server too, and ends at once', async (t) => {
  const { call, journal } = rig(t, program('stdio.ts'))
  const controller = new AbortController()
  const hanging = rejection(call('hang', {}, controller.signal))
  await journal.entry('hanging')
  const reason = new Error('stopped')
  controller.abort(reason)
  assert.equal(await hanging, reason)
  await journal.entry('cancelled')
  assert.deepEqual(await call('echo', { text: 'still there' }), { output: 'still there', attachments: [] })
})

test('calls that people cancel say nothing about a server: it goes on, however many they are', async (t) => {
  const { call, journal } = rig(t, program('stdio.ts'))
  const before = await call('pid')
  for (let n = 0; n < 5; n++) {
    const controller = new AbortController()
    const hanging = rejection(call('hang', {}, controller.signal))
    await journal.entry('hanging')
    journal.entries.length = 0
    controller.abort()
    await hanging
  }
  assert.deepEqual(await call('pid'), before)
})

test('a list that changes is read again', async (t) => {
  const { call, server, journal } = rig(t, program('hostile.ts', 'changing'), { limits: { refreshMs: 1 } })
  assert.deepEqual(
    (await server.tools()).map(({ name }) => name),
    ['example.go']
  )
  assert.equal((await journal.entry('left out')).data.leftOut, 1)
  await call('go')
  await journal.entry('has changed its list')
  assert.deepEqual(
    (await server.tools()).map(({ name }) => name),
    ['example.go', 'example.later0']
  )
})

test('closing ends the program', async (t) => {
  const { server, journal } = rig(t, program('stdio.ts'))
  await server.tools()
  const pid = Number(/started (\d+)/.exec(JSON.stringify(await journal.entry('started')))?.[1])
  assert.ok(alive(pid))
  await server.close()
  assert.ok(!alive(pid))
  assert.deepEqual(await server.tools(), [])
})
