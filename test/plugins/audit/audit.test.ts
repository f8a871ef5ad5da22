import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { type Db, open } from '../../../db/client.ts'
import audit, { Audit } from '../../../plugins/audit/index.ts'
import db from '../../../plugins/db/index.ts'
import type { GatewayInstance } from '../../../plugins/define.ts'
import hooks from '../../../plugins/hooks/index.ts'
import rpc from '../../../plugins/rpc/index.ts'
import { Masker } from '../../../security/masking/masker.ts'
import { folder } from '../../db/folder.ts'
import { build, connect, type Frame, rejection } from '../../helper.ts'
import { post } from '../../routes/post.ts'

const DAY = 24 * 60 * 60 * 1000

async function rig(t: TestContext, { now = () => 1000, store }: { now?: () => number; store?: Partial<Db['audit']> } = {}) {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const errors: unknown[][] = []
  const log = { error: (...line: unknown[]) => errors.push(line) }
  const audit = new Audit({ store: { ...db.audit, ...store }, log, now })
  const entries = async () => {
    await audit.flush()
    return (await db.audit.list({ limit: 100 })).reverse().map(({ at, event, actor, detail }) => ({ at, event, actor, detail }))
  }
  return { audit, errors, entries }
}

test('an entry has its time, what happened, who did it and the details', async (t) => {
  const { audit, entries } = await rig(t)
  audit.record('tool.run', 'token:dash', { tool: 'shell.exec', args: { argv: ['ls', 1, true, null] }, missing: undefined })
  audit.record('auth.lockout', '127.0.0.1')
  assert.deepEqual(await entries(), [
    { at: 1000, event: 'tool.run', actor: 'token:dash', detail: { tool: 'shell.exec', args: { argv: ['ls', 1, true, null] } } },
    { at: 1000, event: 'auth.lockout', actor: '127.0.0.1', detail: {} }
  ])
})

test('control characters are removed and long texts are cut, names of details included', async (t) => {
  const { audit, entries } = await rig(t)
  audit.record('e\u001b[2J', 'a\r\nforged: line', { 'na\nme': 'one\u0000\u2028two\u009b', long: 'x'.repeat(3000) })
  assert.deepEqual(await entries(), [
    { at: 1000, event: 'e [2J', actor: 'a forged: line', detail: { 'na me': 'one two ', long: `${'x'.repeat(1000)}…` } }
  ])
})

test('secrets are masked by name and by shape', async (t) => {
  const { audit, entries } = await rig(t)
  const canary = 'canary-0123456789'
  audit.record(`GET http://user:${canary}@host/`, `Bearer ${canary}`, {
    token: canary,
    apiKeys: [canary],
    headers: { Authorization: `x ${canary}`, 'set-cookie': canary },
    inputTokens: 12,
    command: `curl -H 'Authorization: Bearer ${canary}' https://me:${canary}@host/path`
  })
  const [entry] = await entries()
  assert.equal(JSON.stringify(entry).includes('canary'), false)
  assert.deepEqual(entry?.detail, {
    token: '***',
    apiKeys: ['***'],
    headers: { Authorization: '***', 'set-cookie': '***' },
    inputTokens: 12,
    command: "curl -H 'Authorization: Bearer ***' https://***@host/path"
  })
})

test('a secret of the configuration is not recorded in any form', async (t) => {
  const { app } = await build(t, { config: { server: { token: 'canary of the configuration' } } })
  app.audit.record('tool.run', 'token:dash', {
    args: 'say canary of the configuration, canary%20of%20the%20configuration',
    data: Buffer.from('{"said":"canary of the configuration"}').toString('base64')
  })
  const { detail } = (await app.audit.list({ limit: 1 }))[0]!
  assert.equal(detail.args, 'say ***, ***')
  assert.doesNotMatch(String(detail.data), /Y2FuYXJ5|NhbmFye|jYW5hcn/)
})

test('an endless detail is cut off', async (t) => {
  const { audit, errors, entries } = await rig(t)
  const endless: Record<string, unknown> = { n: 1 }
  endless.self = endless
  audit.record('endless', 'local', endless)
  audit.record('wide', 'local', { list: Array.from({ length: 100_000 }, (_, n) => n) })
  audit.record('strange', 'local', { big: 12n, fn: () => 1, symbol: Symbol('s') })
  const [first, second, third] = await entries()
  assert.ok(JSON.stringify(first).length < 5000)
  assert.ok(JSON.stringify(second).length < 5000)
  assert.equal((second!.detail.list as unknown[]).at(-1), '…')
  assert.deepEqual(third?.detail, { big: '12', fn: '() => 1', symbol: 'Symbol(s)' })
  assert.deepEqual(errors, [])
})

test('a lost entry is logged and nothing else', async (t) => {
  const { audit, errors, entries } = await rig(t, { store: { append: () => Promise.reject(new Error('disk full')) } })
  audit.record('tool.run', 'local', { secret: 'canary' })
  audit.record('broken', 'local', {
    get detail() {
      throw new Error('unreadable')
    }
  })
  assert.deepEqual(await entries(), [])
  const told = errors.map(([line, message]) => [(line as { event: string }).event, String((line as { err: Error }).err), message])
  assert.deepEqual(told.sort(), [
    ['broken', 'Error: unreadable', 'failed to record an audit entry'],
    ['tool.run', 'Error: disk full', 'failed to record an audit entry']
  ])
})

test('entries that cannot be written do not pile up without end', async (t) => {
  const stuck = Promise.withResolvers<void>()
  const { audit, errors } = await rig(t, { store: { append: () => stuck.promise } })
  for (let n = 0; n < 10_001; n++) audit.record('flood', 'local')
  assert.equal(errors.length, 1)
  stuck.resolve()
  await audit.flush()
  audit.record('flood', 'local')
  assert.equal(errors.length, 1)
})

test('entries are listed also while they wait to be written', async (t) => {
  const db = await open({ file: ':memory:' })
  t.after(() => db.close())
  const free = Promise.withResolvers<void>()
  const append: Db['audit']['append'] = (entry) => free.promise.then(() => db.audit.append(entry))
  const audit = new Audit({ store: { ...db.audit, append }, log: { error: () => {} } })
  audit.record('tool.run', 'local')
  const listed = audit.list({ limit: 1 })
  free.resolve()
  assert.equal((await listed)[0]?.event, 'tool.run')
})

/** A host with the two plugins and a configuration that names `dataDir`. */
/** In place of the plugin `config`. */
const configured = (config: object) =>
  fp(async (app) => void app.decorate('config', config).decorate('configStore', { masker: new Masker() }), {
    name: 'flynn:config'
  })

async function host(dataDir: string): Promise<GatewayInstance & { close(): Promise<void> }> {
  const app = Fastify()
  await app.register(hooks)
  await app.register(rpc)
  await app.register(configured({ dataDir, database: {}, retention: { runsDays: 30, auditDays: 30, presenceDays: 90 } }))
  await app.register(db)
  await app.register(audit)
  await app.ready()
  return app as unknown as GatewayInstance & { close(): Promise<void> }
}

test('the last entries are stored when the gateway has closed', async (t) => {
  const data = join(await folder(t), 'data')
  const app = await host(data)
  app.audit.record('last.words', 'local')
  await app.close()
  await assert.rejects(app.db.ready())

  const reopened = await open({ file: join(data, 'flynn.db') })
  t.after(() => reopened.close())
  assert.deepEqual(
    (await reopened.audit.list({ limit: 9 })).map(({ event }) => event),
    ['last.words']
  )
})

test('the gateway closes only once all entries are written', async () => {
  const written = Promise.withResolvers<void>()
  const store = { append: () => written.promise }
  const app = Fastify()
  await app.register(hooks)
  await app.register(configured({}))
  await app.register(fp(async (app) => void app.decorate('db', { audit: store }), { name: 'flynn:db' }))
  await app.register(rpc)
  await app.register(audit)
  await app.ready()
  ;(app as unknown as GatewayInstance).audit.record('last.words', 'local')
  const order: string[] = []
  const closing = app.close().then(() => order.push('closed'))
  // Everything else that closing takes is done by then.
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  order.push('written')
  written.resolve()
  await closing
  assert.deepEqual(order, ['written', 'closed'])
})

test('system.audit filters by event and actor, and pages', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  for (const [event, actor] of ['a.x me', 'b.x you', 'a.x you', 'a.y me'].map((text) => text.split(' '))) {
    app.audit.record(event!, actor!, { nested: { list: [1, null, 'two'] }, token: 'canary' })
  }
  const asked = async (params: object) => {
    const { entries } = await client.call('system.audit', { ...params })
    return entries.map(({ event, actor }: Frame) => `${event} ${actor}`)
  }
  assert.deepEqual((await asked({ limit: 4 })).slice(0, 4), ['a.y me', 'a.x you', 'b.x you', 'a.x me'])
  assert.deepEqual(await asked({ event: 'a.x' }), ['a.x you', 'a.x me'])
  assert.deepEqual(await asked({ event: 'a.x', actor: 'me' }), ['a.x me'])
  const { entries } = await client.call('system.audit', { limit: 1 })
  const { id, at, ...entry } = entries[0]
  assert.deepEqual(entry, { event: 'a.y', actor: 'me', detail: { nested: { list: [1, null, 'two'] }, token: '***' } })
  assert.ok(Math.abs(Date.now() - at) < DAY)
  assert.deepEqual(await asked({ limit: 2, before: id }), ['a.x you', 'b.x you'])
  for (const limit of [0, 501, 1.5]) assert.equal((await rejection(client.call('system.audit', { limit }))).code, -2)
})

test('system.audit needs the scope operate', async (t) => {
  const tokens = [
    { name: 'ops', token: 'token-of-ops', scopes: ['operate' as const] },
    { name: 'dash', token: 'token-of-dash', scopes: ['read' as const, 'write' as const, 'node' as const] }
  ]
  const { url } = await build(t, { config: { server: { tokens } } })
  assert.equal((await post(url, 'system.audit', {}, { token: 'token-of-dash' })).json.error.code, -5)
  assert.ok(Array.isArray((await post(url, 'system.audit', {}, { token: 'token-of-ops' })).json.result.entries))
})

test('an answer with large entries ends early and can be continued', async (t) => {
  const { url, app } = await build(t)
  const client = await connect(t, url)
  const values = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`v${n}`, 'x'.repeat(1000)]))
  for (let n = 0; n < 60; n++) app.audit.record('large', 'local', values)
  const query = { event: 'large', limit: 500 }
  const first = (await client.call('system.audit', query)).entries
  assert.ok(first.length > 20 && first.length < 30, `${first.length}`)
  let all = first.length
  for (let before = first.at(-1).id; ; ) {
    const { entries } = await client.call('system.audit', { ...query, before })
    if (entries.length === 0) break
    all += entries.length
    before = entries.at(-1).id
  }
  assert.equal(all, 60)
})
