import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import { WebSocket } from 'ws'
import { open } from '../../../db/client.ts'
import type { Turn } from '../../../lanes/turn.ts'
import config from '../../../plugins/config/index.ts'
import { gatewayPlugin } from '../../../plugins/define.ts'
import hooks from '../../../plugins/hooks/index.ts'
import type { Payload } from '../../../plugins/lanes/driver.ts'
import lanes, { type GatewayLanes } from '../../../plugins/lanes/index.ts'
import rpc from '../../../plugins/rpc/index.ts'

type WithLanes = FastifyInstance & { lanes: GatewayLanes }

interface Options {
  readonly maxConcurrentRuns?: number
  readonly runTimeoutSeconds?: number
  readonly shutdownGraceSeconds?: number
  /** Registers what comes before the lanes. */
  readonly before?: (app: FastifyInstance) => unknown
}

/** What the lanes need of the gateway. */
const surroundings = [
  gatewayPlugin({ name: 'db' }, async (app) => {
    const db = await open({ file: ':memory:' })
    app.decorate('db', db)
    app.addHook('onClose', () => db.close())
  })
]

/** What the lane did to some work, instead of what the protocol makes of it. */
const laneError = (done: Promise<unknown>): Promise<unknown> =>
  done.catch((error) => {
    throw error.cause
  })

async function build(
  t: TestContext,
  { maxConcurrentRuns = 2, runTimeoutSeconds = 60, shutdownGraceSeconds = 0, before = () => {} }: Options = {}
): Promise<WithLanes> {
  const app = Fastify()
  await before(app)
  await app.register(hooks)
  await app.register(rpc)
  await app.register(config, {
    config: { lanes: { maxConcurrentRuns }, agent: { runTimeoutSeconds }, server: { shutdownGraceSeconds } }
  })
  for (const plugin of surroundings) await app.register(plugin)
  await app.register(lanes)
  t.after(() => app.close())
  return app as unknown as WithLanes
}

/** Work that ends when the test says so, or when it is aborted. */
function work() {
  const called = Promise.withResolvers<Turn<Payload>>()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  return {
    owner: 'ann',
    called: called.promise,
    finish: () => resolve('done'),
    run(turn: Turn<Payload>): Promise<string> {
      turn.signal.addEventListener('abort', () => reject(turn.signal.reason))
      called.resolve(turn)
      return promise
    }
  }
}

test('app.lanes has as many slots as the configuration says', async (t) => {
  const app = await build(t, { maxConcurrentRuns: 1 })
  const [first, second] = [work(), work()]
  const done = [app.lanes.run('ws:1', first), app.lanes.run('ws:2', second)]
  await first.called
  assert.equal(app.lanes.snapshot('ws:2').state, 'ready')
  first.finish()
  await second.called
  second.finish()
  await Promise.all(done)
})

test('a run ends as timeout after agent.run_timeout_seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const app = await build(t, { runTimeoutSeconds: 30 })
  const slow = work()
  const settled = laneError(app.lanes.run('ws:1', slow))
  const { signal } = await slow.called
  t.mock.timers.tick(29_999)
  assert.equal(signal.aborted, false)
  t.mock.timers.tick(1)
  await assert.rejects(settled, { code: 'timeout' })
})

test('a run that ignores its signal is abandoned after five seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const app = await build(t)
  const settled = laneError(app.lanes.run('ws:1', { owner: 'ann', run: () => new Promise(() => {}) }))
  const rejected = assert.rejects(settled, { code: 'cancelled', abandoned: false })
  const { freed } = app.lanes.cancel('ws:1')
  await freed
  assert.equal(app.lanes.has('ws:1'), false, 'a run that was not called yet has nothing to ignore')

  const deaf = laneError(app.lanes.run('ws:1', { owner: 'ann', run: () => new Promise(() => {}) }))
  await setImmediate()
  app.lanes.cancel('ws:1')
  t.mock.timers.tick(4_999)
  assert.equal(app.lanes.has('ws:1'), true)
  t.mock.timers.tick(1)
  await rejected
  await assert.rejects(deaf, { code: 'cancelled', abandoned: true })
  assert.equal(app.lanes.has('ws:1'), false)
})

test('at close new work is refused at once, and what was registered before waits until the runs have ended', async (t) => {
  const order: string[] = []
  const app = await build(t, {
    shutdownGraceSeconds: 5,
    before: (app) => app.addHook('onClose', async () => void order.push('the database closes'))
  })
  const active = work()
  const settled = laneError(app.lanes.run('ws:1', active))
  settled.then(() => order.push('the run has ended'))
  const finishLater = async (): Promise<void> => {
    // Time enough for Fastify to come to its last hook, if nothing held it up.
    for (let turn = 0; turn < 50; turn++) await setImmediate()
    active.finish()
  }
  // The hooks of others go on while runs have their grace: a `preClose` that waited would stand under `pluginTimeout`.
  app.addHook('preClose', async () => {
    await assert.rejects(laneError(app.lanes.run('ws:2', work())), { code: 'shutdown' })
    order.push('the next preClose hook')
  })
  app.addHook('onClose', async () => {
    order.push('the next onClose hook')
    void finishLater()
  })
  await active.called
  await app.close()
  assert.deepEqual(order, ['the next preClose hook', 'the next onClose hook', 'the run has ended', 'the database closes'])
})

test('a run that does not end within server.shutdown_grace_seconds is aborted, ends as shutdown, and the gateway closes', async (t) => {
  const app = await build(t, { shutdownGraceSeconds: 0 })
  const active = work()
  const settled = laneError(app.lanes.run('ws:1', active))
  const rejected = assert.rejects(settled, { code: 'shutdown' })
  await active.called
  await app.close()
  await rejected
})

test('the outcome of a run that ends within the grace still reaches its socket', async (t) => {
  const active = work()
  const app = await build(t, {
    shutdownGraceSeconds: 5,
    before: (app) => app.register(websocket, { preClose: (done) => done() })
  })
  // Sockets stay open until the lanes are closed. This is what the owner of the sockets does.
  app.addHook('preClose', async () => {
    void app.lanes.close(0).then(async () => {
      await setImmediate()
      for (const socket of app.websocketServer.clients) socket.close(1001)
    })
  })
  app.get('/', { websocket: true }, (socket) => {
    app.lanes.run('ws:1', active).then((value) => socket.send(value))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const client = new WebSocket(`ws://127.0.0.1:${port}/`)
  const seen: unknown[] = []
  client.on('message', (data) => seen.push(String(data)))
  const gone = once(client, 'close')
  await active.called

  const closed = app.close()
  // Past its `preClose` hooks Fastify no longer listens, and waits for the socket to end.
  while (app.server.listening) await setImmediate()
  active.finish()
  await closed
  const [code] = await gone
  assert.deepEqual([...seen, code], ['done', 1001])
})

test('a process that has nothing left but a stuck run still closes to the end', async () => {
  const script = `
    import Fastify from 'fastify'
    import config from ${JSON.stringify(import.meta.resolve('../../../plugins/config/index.ts'))}
    import hooks from ${JSON.stringify(import.meta.resolve('../../../plugins/hooks/index.ts'))}
    import lanes from ${JSON.stringify(import.meta.resolve('../../../plugins/lanes/index.ts'))}
    import { open } from ${JSON.stringify(import.meta.resolve('../../../db/client.ts'))}
    import rpc from ${JSON.stringify(import.meta.resolve('../../../plugins/rpc/index.ts'))}
    import { gatewayPlugin } from ${JSON.stringify(import.meta.resolve('../../../types.ts'))}
    const app = Fastify()
    app.addHook('onClose', async () => console.log('the database closes'))
    await app.register(hooks)
    await app.register(rpc)
    await app.register(config, { config: { server: { shutdownGraceSeconds: 0.02 } } })
    const db = await open({ file: ':memory:' })
    await app.register(gatewayPlugin({ name: 'db' }, async (app) => app.decorate('db', db)))
    await app.register(lanes)
    app.lanes.run('ws:1', { owner: 'ann', run: (turn) => new Promise((_, reject) => turn.signal.addEventListener('abort', reject)) }).catch(() => {})
    await app.close()
    console.log('closed')
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: fileURLToPath(import.meta.resolve('../../..'))
  })
  assert.equal(stdout, 'the database closes\nclosed\n')
})
