import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { connect as connectClient, type Disconnected } from '../../../rpc/client/index.ts'
import { createCompanion, type HandlerContext } from '../../../rpc/companion/index.ts'
import { build, connect, rejection, scratch } from '../../helper.ts'
import { startProxy } from '../client/proxy.ts'
import { desk, gateway, NODES, reached } from './fixtures.ts'

test('an operator and the agent invoke a capability, and errors become failed results', async (t) => {
  const { url } = await gateway(t)
  const shown: unknown[] = []
  const companion = desk(t, {
    url,
    capabilities: {
      notifications: async (args) => {
        if (args.title === 'bad') throw new Error('the screen is locked')
        shown.push(args)
        return { shown: true }
      },
      secret: () => 1
    }
  })
  const { node, capabilities } = await companion.ready
  assert.deepEqual(
    [node, capabilities],
    [
      { id: 'desk', role: 'companion' },
      { declared: ['notifications', 'secret'], enabled: ['notifications'] }
    ]
  )
  const operator = await connect(t, url)
  const call = { nodeId: 'desk', capability: 'notifications', args: { title: 'Tea is ready' } }
  assert.deepEqual((await operator.call('node.invoke', call)).output, { shown: true })
  const { ok, error } = await operator.call('node.invoke', { ...call, args: { title: 'bad' } })
  assert.deepEqual([ok, error], [false, 'the screen is locked'])
  const { content } = await operator.call('agent.send', { message: `/tool node.invoke ${JSON.stringify(call)}` })
  assert.match(content, /shown/)
  assert.deepEqual(shown, [call.args, call.args])
})

test('a described capability shows its schema, and the gateway checks the arguments', async (t) => {
  const { url } = await gateway(t)
  const described = {
    description: 'Shows a notification',
    params: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] }
  }
  const shown: unknown[] = []
  const companion = desk(t, {
    url,
    capabilities: {
      notifications: { ...described, run: ({ title }) => void shown.push(title) },
      'clipboard.read': () => 'tea'
    }
  })
  const { capabilities } = await companion.ready
  assert.deepEqual(capabilities.details, [{ name: 'notifications', ...described }])
  const operator = await connect(t, url)
  const call = { nodeId: 'desk', capability: 'notifications' }
  assert.equal((await rejection(operator.call('node.invoke', call))).message, 'params.args.title is required')
  assert.equal((await operator.call('node.invoke', { ...call, args: { title: 'Tea' } })).ok, true)
  assert.deepEqual(shown, ['Tea'])
})

test('typed wrappers reach status, location, push token, canvas and system', async (t) => {
  const { url } = await gateway(t)
  const companion = desk(t, { url })
  const [{ status }, { location }, { push }] = await Promise.all([
    companion.status.set({ platform: 'linux', statusText: 'Idle' }),
    companion.location.set({ latitude: 37.7749, longitude: -122.4194, source: 'gps' }),
    companion.pushToken.set({ provider: 'fcm', token: 'fcm_abcdefghijklmnopqrstuvwxyz123456' })
  ])
  assert.deepEqual([status.statusText, location.source, push.tokenPreview], ['Idle', 'gps', 'fcm_...3456'])
  assert.equal((await companion.location.get()).location?.latitude, 37.7749)
  const artifact = { sessionId: 'cli:desk', artifactId: 'note', type: 'note', content: { text: 'tea' } }
  assert.equal((await companion.canvas.put(artifact)).created, true)
  assert.equal((await companion.canvas.get({ sessionId: 'cli:desk', artifactId: 'note' })).artifact.content.text, 'tea')
  assert.equal((await companion.canvas.list({ sessionId: 'cli:desk' })).total, 1)
  assert.equal((await companion.canvas.delete({ sessionId: 'cli:desk', artifactId: 'note' })).deleted, true)
  assert.equal((await companion.canvas.clear({ sessionId: 'cli:desk' })).cleared, 0)
  const { nodes } = await companion.system.nodes()
  assert.deepEqual(
    nodes.map(({ id, status }) => [id, status?.platform]),
    [['desk', 'linux']]
  )
  assert.equal((await companion.system.info()).version, '0.1.0')
  const wrong = async (): Promise<unknown> =>
    // @ts-expect-error no such method
    await companion.canvas.paint({ artifactId: 'note' })
  assert.equal((await rejection(wrong())).code, -3)
})

test('a lost connection aborts its calls, and the node registers again', async (t) => {
  const { url } = await gateway(t)
  const proxy = await startProxy(t, url.replace('http', 'ws'))
  const calls: HandlerContext[] = []
  const begun = Promise.withResolvers<void>()
  const companion = desk(t, {
    url: proxy.url,
    status: () => ({ platform: 'test' }),
    capabilities: {
      notifications: async (args, context) => {
        if (args.title !== 'slow') return 'quick'
        calls.push(context)
        begun.resolve()
        await once(context.signal, 'abort')
        return 'too late'
      }
    }
  })
  const first = await companion.ready
  const operator = await connect(t, url)
  const call = { nodeId: 'desk', capability: 'notifications', args: { title: 'slow' } }
  const slow = rejection(operator.call('node.invoke', call))
  await begun.promise
  const away = reached(companion, 'offline')
  proxy.cut()
  await away
  assert.match((await slow).message, /did not answer/)
  assert.ok(calls[0]!.signal.aborted)
  assert.equal((calls[0]!.signal.reason as Disconnected).sent, true)
  companion.client.wake()
  const { registration } = await reached(companion, 'registered')
  assert.notEqual(registration, first)
  assert.equal((await operator.call('node.invoke', { ...call, args: { title: 'now' } })).output, 'quick')
})

test('a refused registration rejects what waits for it', async (t) => {
  const { url } = await gateway(t, { enabled: false })
  const companion = desk(t, { url })
  assert.match((await rejection(companion.ready)).message, /server\.nodes\.enabled/)
  assert.equal(companion.state.name, 'refused')
  assert.equal((await rejection(companion.pushToken.set({ provider: 'fcm', token: 'x'.repeat(40) }))).code, -2)
  const enabled = await gateway(t)
  const other = desk(t, { url: enabled.url, role: 'owner' })
  assert.match((await rejection(other.ready)).message, /params\.role/)
})

test('a node taken over by another connection is refused, and so is a wrong token', async (t) => {
  const { url } = await gateway(t)
  const companion = desk(t, { url })
  await companion.ready
  const second = desk(t, { url })
  await second.ready
  const { message } = await reached(companion, 'refused')
  assert.match(message, /another connection/)
  const locked = await build(t, { config: { dataDir: await scratch(t), server: { token: 'secret', nodes: NODES } } })
  assert.equal((await rejection(desk(t, { url: locked.url, token: 'wrong' }).ready)).code, -5)
})

test('nothing happens before connect, and nothing is left after close', async (t) => {
  const { url } = await gateway(t)
  const companion = createCompanion({ url, nodeId: 'desk' })
  const waiting = companion.status.set({ platform: 'linux' })
  assert.deepEqual([companion.state.name, companion.client.state.name], ['offline', 'stopped'])
  companion.connect()
  assert.equal((await waiting).status.platform, 'linux')
  await companion.close()
  assert.equal(companion.client.state.name, 'stopped')
  assert.ok(companion.signal.aborted)
  assert.equal((await rejection(companion.status.set({}))).name, 'Disconnected')
  assert.equal((await rejection(companion.ready)).name, 'Disconnected')
  assert.throws(() => companion.connect(), /closed/)
})

test('a client of the program is shared and stays open', async (t) => {
  const { url } = await gateway(t)
  const client = connectClient(url)
  t.after(() => client.close())
  await client.ready
  const companion = createCompanion({ client, nodeId: 'desk', capabilities: { notifications: () => 'shown' } })
  await companion.ready
  const operator = await connect(t, url)
  const call = { nodeId: 'desk', capability: 'notifications' }
  assert.equal((await operator.call('node.invoke', call)).output, 'shown')
  await companion.close()
  assert.equal(client.state.name, 'connected')
  assert.match((await operator.call('node.invoke', call)).error, /does not offer notifications/)
})
