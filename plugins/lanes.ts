import type { Clock } from '../lanes/clock.ts'
import { Lanes } from '../lanes/lanes.ts'
import { gatewayPlugin } from '../types.ts'

/** The lanes of the gateway. A lane's id is the id of its session. */
export type GatewayLanes = Lanes

/** What a provider or tool gets to react to the abort signal, before its session goes on without it. */
const ABANDON_AFTER_MS = 5_000

/** The time of the machine. Its timers never keep the process alive. */
const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  }
}

/**
 * Owns `app.lanes`. Draining begins in `preClose` and is waited for in `onClose`: `preClose` hooks stand under Fastify's
 * `pluginTimeout` (10 s by default, and then the remaining ones are skipped), which is less than a grace may take, `onClose`
 * hooks do not. Between the two Fastify waits for open sockets to end. So whoever owns the sockets leaves them open until
 * `app.lanes.close(…)`, which answers the same promise to everybody, has resolved; then every run has told its outcome.
 */
export default gatewayPlugin({ name: 'lanes', dependencies: ['config'] }, async (app) => {
  const { agent, lanes: limits, server } = app.config
  const lanes = new Lanes({
    clock: systemClock,
    maxConcurrentRuns: limits.maxConcurrentRuns,
    runTimeoutMs: agent.runTimeoutSeconds * 1000,
    abandonAfterMs: ABANDON_AFTER_MS
  })
  app.decorate('lanes', lanes)

  const graceMs = server.shutdownGraceSeconds * 1000
  app.addHook('preClose', async () => {
    void lanes.close(graceMs)
  })
  app.addHook('onClose', async () => {
    // With the last socket gone nothing else may hold the process, and it must not end before the database is closed.
    const hold = setInterval(() => {}, 60_000)
    await lanes.close(graceMs)
    clearInterval(hold)
  })
})
