import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { v7 as uuid } from 'uuid'
import type { Db, QueueEnd, RunEnd } from '../../db/client.ts'
import { systemClock } from '../../lanes/clock.ts'
import type { LaneEnd } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import { Lanes, type LanesOptions } from '../../lanes/lanes.ts'
import type { LaneMessage, Outcome, QueuePolicy } from '../../lanes/message.ts'
import { afterCrash, type Recovery } from '../../lanes/policy.ts'
import type { Turn } from '../../lanes/turn.ts'
import { RpcError } from '../../rpc/errors.ts'
import { gatewayPlugin } from '../../types.ts'
import { Duplicate, type MessageBody, type Payload, StoredMessages } from './driver.ts'
import { shown } from './error-mapping.ts'
import { KeyedMutex } from './keyed-mutex.ts'
import * as methods from './methods.ts'
import { Policies } from './policies.ts'

/** Who answers messages, and says how their ends are kept and told. */
export interface TurnHandler {
  /** Answers the messages of one turn. */
  run(turn: Turn<Payload>): Promise<unknown>
  /** How ends are stored, at least one, and that of their run where they had one. */
  record(ends: readonly LaneEnd<Payload, unknown>[], runId: string | undefined): { ends: QueueEnd[]; run?: RunEnd }
  /** A message has ended and that is stored, or it was let go of at the end of the process. Once for each. */
  settled(
    laneId: string,
    message: LaneMessage<Payload>,
    end: { readonly outcome: Outcome<unknown> } | { readonly error: unknown }
  ): void
  /** The last process ended while it answered this, which is not tried again: what was asked is not to be lost. */
  cutOff(laneId: string, message: LaneMessage<Payload>, run: { id: string; body: unknown }): Promise<void>
  /** `by` is about to stop the turn of `active`. */
  preempted(laneId: string, active: readonly LaneMessage<Payload>[], by: LaneMessage<Payload>): void
}

/** Something to be done in a lane's turn. It lives as long as the process: whoever asked for it is gone with it too. */
export interface Work<R> {
  /** Whose it is: a cancel may be limited to one owner. */
  readonly owner: string
  /** A short chore that has to be done: it needs no slot, and nothing that happens to messages happens to it. */
  readonly pinned?: boolean
  run(turn: Turn<Payload>): R | PromiseLike<R>
}

/** Is told what becomes of messages and of work, in the order in which it is stored. */
export interface LaneWatch {
  /** A turn begins with these, or was steered by them meanwhile. */
  claimed(messages: readonly LaneMessage<Payload>[], turnId: string): void
  /** With a `turnId` the turn is over, and these are all that it began with or took. */
  ended(ends: readonly LaneEnd<Payload, unknown>[], turnId: string | undefined): void
}

/** It waits its turn, whatever the session's policy says of messages; a lane that is full of it takes no more. */
const WORK: QueuePolicy = { mode: 'followup', cap: 1000, overflow: 'drop_new', debounceMs: 0, summarizeOverflow: false }

/** How long the outcome of a message is kept, and its idempotency key with it. */
const KEPT_MS = 24 * 60 * 60 * 1000

export interface GatewayLanesOptions extends Omit<LanesOptions<Payload, unknown>, 'run' | 'driver' | 'preempted'> {
  readonly queue: Db['queue']
  readonly policies: Policies
  readonly recovery: Recovery
}

/** The lanes of the gateway. A lane's id is the id of its session. */
export class GatewayLanes extends Lanes<Payload, unknown> {
  readonly policies: Policies
  /** What comes before a session's lane may take some time, and nobody is overtaken in it. */
  readonly order = new KeyedMutex()
  readonly #queue: Db['queue']
  readonly #driver: StoredMessages
  readonly #recovery: Recovery
  readonly #watches = new Set<LaneWatch>()
  #answerer: TurnHandler | undefined
  #resume = (): void => {}

  constructor({ queue, policies, recovery, ...options }: GatewayLanesOptions) {
    const driver = new StoredMessages(queue, (ends, runId) => this.#answering.record(ends, runId))
    super({
      ...options,
      driver: {
        accept: (laneId, message, body) => driver.accept(laneId, message, body),
        claim: (laneId, messages, turnId) => {
          for (const watch of this.#watches) watch.claimed(messages, turnId)
          return driver.claim(laneId, messages, turnId)
        },
        settle: (laneId, ends, turnId) => {
          for (const watch of this.#watches) watch.ended(ends, turnId)
          return driver.settle(laneId, ends, turnId)
        },
        recover: () => driver.recover()
      },
      newId: uuid,
      run: (turn) => {
        const { payload } = turn.messages[0]!
        return payload.kind === 'work' ? payload.run(turn) : this.#answering.run(turn)
      },
      preempted: (laneId, active, by) => this.#answering.preempted(laneId, active, by)
    })
    this.policies = policies
    this.#queue = queue
    this.#driver = driver
    this.#recovery = recovery
  }

  watch(watch: LaneWatch): void {
    this.#watches.add(watch)
  }

  /**
   * Says who answers messages, once, and decides about those that the last process left: what waited waits again, what was running
   * was interrupted, or waits again where `lanes.recovery` says so.
   * @returns how many wait, and what takes them back into their lanes, to be called when all is ready for them to run
   */
  async setHandler(answerer: TurnHandler): Promise<{ waiting: number; interrupted: number; resume: () => void }> {
    this.#answerer = answerer
    const found = await this.#driver.recover()
    const fates = Map.groupBy(found, (it) => afterCrash(it, this.#recovery))
    const ended = async (fate: 'interrupted' | 'failed', why: string): Promise<QueueEnd[]> => {
      const cut = fates.get(fate) ?? []
      if (cut.length === 0) return []
      for (const { laneId, message } of cut) {
        const { runId } = (await this.#queue.get(message.id))!
        const bodies = await this.#queue.bodies([message.id])
        await answerer.cutOff(laneId, message, { id: runId ?? message.id, body: bodies.get(message.id) })
      }
      const error = new RpcError('InternalError', why, { data: { retryable: false } })
      const { ends } = answerer.record(
        cut.map(({ message }) => ({ message, error })),
        undefined
      )
      return ends.map((end) => ({ ...end, state: fate }))
    }
    const waiting = fates.get('queue') ?? []
    await this.#queue.resolve({
      requeue: waiting.filter(({ state }) => state === 'running').map(({ message: { id } }) => id),
      ends: [
        ...(await ended('interrupted', 'The gateway ended while this was being answered')),
        ...(await ended('failed', 'The gateway ended each time this was being answered; it is not tried again'))
      ],
      now: Date.now()
    })
    let resumed = false
    this.#resume = () => {
      if (resumed) return
      resumed = true
      for (const [laneId, messages] of Map.groupBy(waiting, (it) => it.laneId)) {
        const tickets = this.restore(laneId, messages)
        for (const [index, { settled }] of tickets.entries()) this.#watch(laneId, messages[index]!.message, settled)
      }
    }
    return { waiting: waiting.length, interrupted: found.length - waiting.length, resume: this.#resume }
  }

  /**
   * Stores a message and takes it into its lane; what becomes of it then, its answerer is told.
   * @throws LaneError when it was not accepted
   */
  async accept(
    laneId: string,
    message: LaneMessage<Payload>,
    body: MessageBody
  ): Promise<{ position: number | undefined } | { duplicateOf: string }> {
    // Whoever waited before goes first, also in a host that does not listen itself.
    this.#resume()
    try {
      const { position, settled } = await this.send(laneId, message, body)
      this.#watch(laneId, message, settled)
      return { position }
    } catch (cause) {
      if (cause instanceof LaneError && cause.cause instanceof Duplicate) return { duplicateOf: cause.cause.of }
      throw cause
    }
  }

  /**
   * Queues work and waits for what it returns or throws.
   * @throws RpcError also for what the lane did to it: RequestCancelled, InternalError (timeout), AgentBusy; its cause is the LaneError
   */
  async run<R>(laneId: string, { owner, pinned = false, run }: Work<R>): Promise<R> {
    try {
      // Somebody waits for it: it is done in that one's async context, and not in that of whatever the lane did before.
      const payload: Payload = { kind: 'work', run: AsyncLocalStorage.bind(run) }
      const message = { id: uuid(), owner, priority: 'person', policy: WORK, pinned, payload, acceptedAt: Date.now() } as const
      const { settled } = await this.send(laneId, message)
      return (await settled).value as R
    } catch (cause) {
      throw this.shown(cause, { stored: false })
    }
  }

  /** What a lane did to somebody, in the protocol's errors; anything else as it is. */
  shown(cause: unknown, { stored } = { stored: true }): unknown {
    return cause instanceof LaneError ? shown(cause, { stored, runTimeoutMs: this.runTimeoutMs }) : cause
  }

  /** Stores what could not be stored before. */
  async settleOwed(): Promise<void> {
    await this.#driver.settleOwed()
  }

  /** Forgets what ended long enough ago. */
  async purge(): Promise<void> {
    const before = Date.now() - KEPT_MS
    while ((await this.#queue.purge(before)) > 0) await setImmediate()
  }

  #watch(laneId: string, message: LaneMessage<Payload>, settled: Promise<Outcome<unknown>>): void {
    settled.then(
      (outcome) => this.#answering.settled(laneId, message, { outcome }),
      (error) => this.#answering.settled(laneId, message, { error })
    )
  }

  get #answering(): TurnHandler {
    if (this.#answerer) return this.#answerer
    throw new Error('nobody answers messages yet')
  }
}

/** What a provider or tool gets to react to the abort signal, before its session goes on without it. */
const ABANDON_AFTER_MS = 5_000
const PURGE_EVERY_MS = 60 * 60 * 1000
/** How soon an end is stored that a full disk, or a lock, kept from being stored. */
const OWED_EVERY_MS = 1000

/**
 * Owns `app.lanes`. Draining begins in `preClose` and is waited for in `onClose`: `preClose` hooks stand under Fastify's
 * `pluginTimeout` (10 s by default, and then the remaining ones are skipped), which is less than a grace may take, `onClose`
 * hooks do not. Between the two Fastify waits for open sockets to end. So whoever owns the sockets leaves them open until
 * `app.lanes.close(…)`, which answers the same promise to everybody, has resolved; then every run has told its outcome.
 */
export default gatewayPlugin({ name: 'lanes', dependencies: ['config', 'db', 'rpc'] }, async (app) => {
  const { agent, lanes: config, server } = app.config
  // Asked for each message: another configuration may be in force by then.
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
    queue: app.db.queue,
    policies: new Policies({ config: policies, db: app.db }),
    recovery: config.recovery,
    maxConcurrentRuns: config.maxConcurrentRuns,
    runTimeoutMs: agent.runTimeoutSeconds * 1000,
    abandonAfterMs: ABANDON_AFTER_MS
  })
  app.decorate('lanes', lanes)
  app.configStore.onChange(({ agent }) => {
    lanes.runTimeoutMs = agent.runTimeoutSeconds * 1000
  })
  for (const method of Object.values(methods)) app.rpc.method(method)

  const purge = (): void => void lanes.purge().catch((err) => app.log.error({ err }, 'old messages could not be forgotten'))
  purge()
  const purging = setInterval(purge, PURGE_EVERY_MS).unref()

  const owing = setInterval(() => void lanes.settleOwed().catch(() => {}), OWED_EVERY_MS).unref()

  const graceMs = server.shutdownGraceSeconds * 1000
  app.addHook('preClose', async () => {
    void lanes.close(graceMs)
  })
  app.addHook('onClose', async () => {
    clearInterval(purging)
    clearInterval(owing)
    // With the last socket gone nothing else may hold the process, and it must not end before the database is closed.
    const hold = setInterval(() => {}, 60_000)
    await lanes.close(graceMs)
    await lanes.settleOwed().catch((err) => app.log.error({ err }, 'how some messages ended could not be stored'))
    clearInterval(hold)
  })
})
