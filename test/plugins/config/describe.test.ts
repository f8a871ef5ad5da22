import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import Fastify from 'fastify'
import gateway from '../../../app.ts'
import { loadConfig } from '../../../plugins/config/index.ts'
import { build, connect, type Frame, rejection, scratch } from '../../helper.ts'

test('config.describe has value, default and place of every setting; a dry run shows what a reload does, and guards it', async (t) => {
  const dataDir = await scratch(t)
  const file = join(dataDir, 'flynn.yaml')
  const secret = ['sk', 'canary', 'of', 'this', 'test'].join('-')
  const write = (maxSteps: number) =>
    writeFile(file, `server:\n  token: ${secret}\nagent:\n  max_steps: ${maxSteps}\ntools:\n  confirm: [memory.put]\n`)
  await write(7)
  const env = { FLYNN_SERVER__AUTH_HTTP: 'false', FLYNN_DATA_DIR: dataDir }
  const read = () => loadConfig({ file, env, called: 'flynn.yaml' })
  // As it was read: a copy would not know where its values are written.
  const host = Fastify({ forceCloseConnections: true })
  await host.register(gateway, { config: await read(), reload: read })
  t.after(() => host.close())
  const url = await host.listen({ port: 0, host: '127.0.0.1' })
  const client = await connect(t, url, { token: secret })

  const { settings } = await client.call('config.describe')
  const at = (path: string): Frame => settings.find((setting: Frame) => setting.path === path)
  const { description, ...steps } = at('agent.max_steps')
  assert.ok(description.length > 0)
  assert.deepEqual(steps, {
    path: 'agent.max_steps',
    value: 7,
    default: 40,
    origin: 'file',
    place: 'flynn.yaml:4:14',
    secret: false,
    needsRestart: false
  })
  const shown = (path: string) => [at(path).value, at(path).origin, at(path).place]
  assert.deepEqual(shown('server.token'), ['***', 'file', 'flynn.yaml:2:10'])
  assert.deepEqual(shown('server.auth_http'), [false, 'environment', 'FLYNN_SERVER__AUTH_HTTP'])
  assert.deepEqual(shown('server.port'), [18800, 'default', undefined])
  assert.deepEqual(shown('tools.confirm').slice(0, 2), [['memory.put'], 'file'])
  assert.equal(at('server.port').needsRestart, true)
  assert.doesNotMatch(JSON.stringify(settings), new RegExp(secret))

  await write(8)
  const preview = await client.call('config.reload', { dryRun: true })
  assert.deepEqual(preview.changes, [{ path: 'agent.max_steps', before: 7, after: 8, needsRestart: false }])
  assert.equal((await client.call('config.get')).agent.maxSteps, 7)
  await write(9)
  const refused = await rejection(client.call('config.reload', { baseHash: preview.hash }))
  assert.match(refused.message, /has changed since the preview/)
  assert.equal((await client.call('config.get')).agent.maxSteps, 7)
  const { hash } = await client.call('config.reload', { dryRun: true })
  assert.deepEqual((await client.call('config.reload', { baseHash: hash })).changed, ['agent.max_steps'])
  const again = (await client.call('config.describe')).settings.find(({ path }: Frame) => path === 'agent.max_steps')
  assert.deepEqual([again.value, again.place], [9, 'flynn.yaml:4:14'])
  await writeFile(file, 'agent: { max_steps: none }\n')
  assert.equal((await rejection(client.call('config.reload', { dryRun: true }))).code, -2)
})

test('what a page lists: models, channels, MCP servers, and the conditions of tools', async (t) => {
  const { url, app } = await build(t, {
    config: {
      tools: { confirm: ['memory.put'], elevated: ['memory.get'], mcp: { files: { command: 'no-such-program' } } }
    } as never
  })
  const client = await connect(t, url)
  assert.deepEqual((await client.call('models.list')).tiers[0].models[0].offline, true)
  assert.deepEqual(
    (await client.call('mcp.list')).servers.map(({ name, state, sourceId }: Frame) => [name, state, sourceId]),
    [['files', 'idle', 'mcp:files']]
  )
  app.channels.add({ name: 'pigeon', limit: 100, deliver: async () => {} })
  const message = { conversation: 'a', senderId: 's', messageId: '1', text: 'hello', access: 'owner' } as const
  await app.channels.receive('pigeon', message)
  const { channels, missing } = await client.call('channels.list')
  const { lastReceivedAt, ...pigeon } = channels.find(({ name }: Frame) => name === 'pigeon')
  assert.deepEqual([pigeon, typeof lastReceivedAt], [{ name: 'pigeon', pairing: 'required', received: 1, failed: 0 }, 'number'])
  assert.ok(missing.some(({ route, keys }: Frame) => route === '/gmail/push' && keys.length > 0))
  const { tools } = await client.call('tools.list')
  const marks = (name: string) => {
    const { confirm, elevated, source } = tools.find((tool: Frame) => tool.name === name)
    return [confirm, elevated, source]
  }
  assert.deepEqual(
    [marks('memory.put'), marks('memory.get')],
    [
      [true, false, undefined],
      [false, true, undefined]
    ]
  )
  const audit = await client.call('system.audit', { event: 'session*', limit: 1 })
  assert.equal(audit.total, 0)
})
