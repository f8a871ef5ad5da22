import { systemClock } from '../../lanes/clock.ts'
import { gatewayPlugin } from '../define.ts'
import { GatewayLanes } from './gateway-lanes.ts'
import * as methods from './methods.ts'
import { Policies } from './policies.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** One queue a session. */
    lanes: GatewayLanes
  }
}

export type { Payload } from './driver.ts'
export type { Work } from './gateway-lanes.ts'
export type { TurnHandler } from './turn-handler.ts'
export { GatewayLanes }

/** Time that a provider or tool has to react to the abort signal. After it the session goes on without the run. */
const ABANDON_AFTER_MS = 5_000
const PURGE_EVERY_MS = 60 * 60 * 1000
/** Interval between attempts to store an end that a full disk or a lock kept from being stored. */
const RETRY_EVERY_MS = 1000

/**
 * Owns `app.lanes`. Draining begins in `preClose` and is awaited in `onClose`. `preClose` hooks count against Fastify's `pluginTimeout`
 * (10 s by default; the remaining ones are then skipped), which is less than a grace period may take. `onClose` hooks do not. Between
 * the two Fastify waits for open sockets to end. So the owner of the sockets leaves them open until `app.lanes.close(…)` has resolved,
 * which answers the same promise to every caller: by then every run has reported its outcome.
 */
export default gatewayPlugin({ name: 'lanes', dependencies: ['hooks', 'config', 'db', 'rpc'] }, async (app) => {
  const { agent, lanes: config, server } = app.config
  // Read for each message: a reload may have replaced the configuration by then.
  const policies = {
    get default() {
      return app.config.lanes.default
    },
    get channels() {
      return app.config.lanes.channels
    }
  }
  const lanes = new GatewayLanes({
    clock: systemClock,
    hooks: app.hooks,
    db: app.db,
    policies: new Policies({ config: policies, db: app.db }),
    recovery: config.recovery,
    maxConcurrentRuns: config.maxConcurrentRuns,
    runTimeoutMs: agent.runTimeoutSeconds * 1000,
    abandonAfterMs: ABANDON_AFTER_MS
  })
  await lanes.restorePaused()
  app.decorate('lanes', lanes)
  app.configStore.onChange(({ agent }) => {
    lanes.runTimeoutMs = agent.runTimeoutSeconds * 1000
  })
  for (const method of Object.values(methods)) app.rpc.method(method)

  const purge = (): void => void lanes.purge().catch((err) => app.log.error({ err }, 'failed to delete old messages'))
  purge()
  const purging = setInterval(purge, PURGE_EVERY_MS).unref()

  const retrying = setInterval(() => void lanes.settleOwed().catch(() => {}), RETRY_EVERY_MS).unref()

  const graceMs = server.shutdownGraceSeconds * 1000
  app.addHook('preClose', async () => {
    void lanes.close(graceMs)
  })
  app.addHook('onClose', async () => {
    clearInterval(purging)
    clearInterval(retrying)
    // With the last socket gone nothing else may hold the process, and it must not end before the database is closed.
    const hold = setInterval(() => {}, 60_000)
    await lanes.close(graceMs)
    await lanes.settleOwed().catch((err) => app.log.error({ err }, 'failed to store the outcome of some messages'))
    clearInterval(hold)
  })
})
