import type { Clock } from '../lanes/clock.ts'
import { LaneError, type LaneErrorCode } from '../lanes/errors.ts'
import type { Work } from '../lanes/lane.ts'
import { Lanes, type LanesOptions } from '../lanes/lanes.ts'
import { type ErrorName, RpcError } from '../rpc/errors.ts'
import { gatewayPlugin } from '../types.ts'

/** The lanes of the gateway. A lane's id is the id of its session. */
export class GatewayLanes extends Lanes {
  /** What a lane did to somebody's work, in the protocol's errors. */
  readonly #shown: Record<LaneErrorCode, readonly [ErrorName, string]>

  constructor(options: LanesOptions) {
    super(options)
    this.#shown = {
      cancelled: ['RequestCancelled', 'Request cancelled by client'],
      timeout: ['InternalError', `The run took longer than ${options.runTimeoutMs / 1000} seconds and was stopped`],
      shutdown: ['AgentBusy', 'The gateway is shutting down'],
      full: ['AgentBusy', 'Too many messages are waiting in this session']
    }
  }

  /**
   * Queues work and waits for what it returns or throws.
   * @throws RpcError also for what the lane did to it: RequestCancelled, InternalError (timeout), AgentBusy; its cause is the LaneError
   */
  async run<R>(laneId: string, work: Work<R>): Promise<R> {
    try {
      return await this.enqueue(laneId, work).settled
    } catch (cause) {
      if (!(cause instanceof LaneError)) throw cause
      const [kind, message] = this.#shown[cause.code]
      const queue = kind === 'AgentBusy' ? { data: { queue: { code: cause.code, laneId } } } : {}
      throw new RpcError(kind, message, { cause, ...queue })
    }
  }
}

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
  const lanes = new GatewayLanes({
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
