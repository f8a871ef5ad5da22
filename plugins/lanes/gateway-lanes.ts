import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { v7 as uuid } from 'uuid'
import type { Db } from '../../db/client.ts'
import type { RecoveredMessage } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import { KeyedMutex } from '../../lanes/keyed-mutex.ts'
import type { Cancellation, CancelScope, LaneSnapshot } from '../../lanes/lane.ts'
import { Lanes, type LanesOptions } from '../../lanes/lanes.ts'
import type { LaneMessage, Outcome, QueuePolicy } from '../../lanes/message.ts'
import type { Recovery } from '../../lanes/policy.ts'
import type { Turn } from '../../lanes/turn.ts'
import type { Caller } from '../../rpc/define.ts'
import { invalidParams } from '../../rpc/errors.ts'
import { previewOf } from '../../rpc/schemas/queue.ts'
import type { Hooks } from '../hooks/index.ts'
import { Duplicate, type MessageBody, type Payload, StoredMessages } from './driver.ts'
import { toRpcError } from './error-mapping.ts'
import { ObservedDriver } from './observed-driver.ts'
import type { Policies } from './policies.ts'
import { RecentDrops } from './recent-drops.ts'
import { recoverMessages } from './recovery.ts'
import { SessionQueues } from './session-queues.ts'
import type { TurnHandler } from './turn-handler.ts'

/** Job for a lane's turn. It ends with the process, and so does its requester. */
export interface Work<R> {
  /** Id of the caller it belongs to: a cancel may be limited to one owner. */
  readonly owner: string
  /** A short chore that has to be done: it needs no slot, and is never dropped, superseded or cancelled. */
  readonly pinned?: boolean
  run(turn: Turn<Payload>): R | PromiseLike<R>
}

/** Work waits its turn, whatever the session's policy says of messages. A lane that is full of it takes no more. */
const WORK: QueuePolicy = { mode: 'followup', cap: 1000, overflow: 'drop_new', debounceMs: 0, summarizeOverflow: false }

/** Retention of a message's outcome, and of its idempotency key. */
const RETENTION_MS = 24 * 60 * 60 * 1000

export interface GatewayLanesOptions extends Omit<LanesOptions<Payload, unknown>, 'run' | 'driver' | 'preempted' | 'newId'> {
  readonly hooks: Pick<Hooks, 'emit'>
  readonly db: Pick<Db, 'queue' | 'sessions'>
  readonly policies: Policies
  readonly recovery: Recovery
}

/** The lanes of the gateway: stored messages and unstored work, one lane a session. A lane's id is the id of its session. */
export class GatewayLanes {
  readonly policies: Policies
  readonly queues: SessionQueues
  /** Order in which messages reach a session's lane. What precedes the lane may take time, and nothing is overtaken in it. */
  readonly order = new KeyedMutex()
  readonly #lanes: Lanes<Payload, unknown>
  readonly #queue: Db['queue']
  readonly #stored: StoredMessages
  readonly #driver: ObservedDriver
  readonly #recovery: Recovery
  readonly #hooks: Pick<Hooks, 'emit'>
  readonly #sessions: Db['sessions']
  readonly #drops = new RecentDrops()
  #handler: TurnHandler | undefined
  /** Puts recovered messages back into their lanes, once. */
  #resume = (): void => {}

  constructor({ hooks, db, policies, recovery, ...options }: GatewayLanesOptions) {
    this.policies = policies
    this.#queue = db.queue
    this.#recovery = recovery
    this.#hooks = hooks
    this.#sessions = db.sessions
    this.#stored = new StoredMessages(db.queue, (ends, runId) => this.#requireHandler().record(ends, runId))
    this.#driver = new ObservedDriver(this.#stored, hooks, this.#drops)
    this.#lanes = new Lanes({
      ...options,
      driver: this.#driver,
      newId: uuid,
      run: (turn) => {
        const { payload } = turn.messages[0]!
        return payload.kind === 'work' ? payload.run(turn) : this.#requireHandler().run(turn)
      },
      preempted: (laneId, active, by) => this.#requireHandler().preempted(laneId, active, by)
    })
    this.queues = new SessionQueues({ lanes: this.#lanes, policies, sessions: db.sessions, drops: this.#drops })
  }

  /**
   * Sets the handler that answers messages, once, and decides about the messages that the last process left (`recoverMessages`).
   * @returns how many wait again and how many were interrupted, and `resume`, which puts the waiting ones back into their lanes. Call it
   * once everything is ready for them to run
   */
  async setHandler(handler: TurnHandler): Promise<{ waiting: number; interrupted: number; resume: () => void }> {
    this.#handler = handler
    const found = await this.#driver.recover()
    const { waiting, interrupted } = await recoverMessages(found, { queue: this.#queue, handler, recovery: this.#recovery })
    let resumed = false
    this.#resume = () => {
      if (resumed) return
      resumed = true
      this.#restore(waiting)
    }
    return { waiting: waiting.length, interrupted, resume: this.#resume }
  }

  /**
   * Stores a message and takes it into its lane. Its handler gets its end.
   * @throws LaneError when it was not accepted
   */
  async accept(
    laneId: string,
    message: LaneMessage<Payload>,
    body: MessageBody
  ): Promise<{ position: number | undefined } | { duplicateOf: string }> {
    // What waited before goes first, also in a host that does not listen itself.
    this.#resume()
    try {
      const { position, settled } = await this.#lanes.send(laneId, message, body)
      this.#reportEnd(laneId, message, settled)
      this.#changed(laneId)
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
      // Its requester waits for it: it runs in that async context, and not in that of whatever the lane did before.
      const payload: Payload = { kind: 'work', run: AsyncLocalStorage.bind(run) }
      const message = { id: uuid(), owner, priority: 'person', policy: WORK, pinned, payload, acceptedAt: Date.now() } as const
      const { settled } = await this.#lanes.send(laneId, message)
      return (await settled).value as R
    } catch (cause) {
      throw this.toRpcError(cause, { stored: false })
    }
  }

  /** Maps what a lane did to a message to an error of the protocol. Returns anything else unchanged. */
  toRpcError(cause: unknown, { stored } = { stored: true }): unknown {
    return cause instanceof LaneError ? toRpcError(cause, { stored, runTimeoutMs: this.runTimeoutMs }) : cause
  }

  /** Stores the ends that could not be stored before. */
  async settleOwed(): Promise<void> {
    await this.#stored.settleOwed()
  }

  /** Deletes messages that ended longer than 24 hours ago. */
  async purge(): Promise<void> {
    const before = Date.now() - RETENTION_MS
    while ((await this.#queue.purge(before)) > 0) await setImmediate()
  }

  /**
   * Replaces the text of a waiting message of the caller. A message runs with the rights of its sender, so only its sender may put words
   * into it, and no operator.
   * @returns false when it does not wait any more, or is not the caller's
   * @throws RpcError SessionNotFound; InvalidRequest for an empty text without attachments
   */
  async edit(laneId: string, messageId: string, text: string, caller: Caller): Promise<boolean> {
    return await this.order.run(laneId, async () => {
      await this.queues.assertKnown(laneId)
      const waiting = this.queued(laneId).find(({ id }) => id === messageId)
      if (waiting?.owner !== caller.id || waiting.payload.kind !== 'message') return false
      const body = (await this.#queue.bodies([messageId])).get(messageId)
      if (body === undefined) return false
      const data = this.#requireHandler().edited(body, text)
      if (data === undefined) {
        throw invalidParams([{ path: 'params.message', message: 'must not be empty without an attachment' }])
      }
      const preview = previewOf(text)
      // A claim that is stored first wins: the run has read the old text by then.
      if (!(await this.#queue.edit(messageId, { preview, body: data }))) return false
      waiting.payload.preview = preview
      this.#changed(laneId)
      return true
    })
  }

  /** Keeps the lane of a session from beginning runs. Survives a restart. */
  async pause(laneId: string): Promise<void> {
    await this.queues.pause(laneId)
    this.#changed(laneId)
  }

  async resume(laneId: string): Promise<void> {
    await this.queues.resume(laneId)
    this.#changed(laneId)
  }

  /** Pauses the lanes that were paused when the last process ended. Call it before anything is sent. */
  async restorePaused(): Promise<void> {
    for (const id of await this.#sessions.paused()) this.#lanes.hold(id)
  }

  /** Forgets that the lane of a deleted session was paused. */
  forget(laneId: string): void {
    this.#lanes.release(laneId)
    this.#changed(laneId)
  }

  /** See `Lanes`. */
  cancel(laneId: string, scope?: CancelScope & { readonly reason?: string | undefined }): Cancellation {
    const cancellation = this.#lanes.cancel(laneId, scope)
    this.#changed(laneId)
    return cancellation
  }

  /** Cancels everything of the owners that `revoked` selects, in all lanes. */
  revoke(revoked: (owner: string) => boolean): void {
    for (const laneId of this.#lanes.ids()) this.#lanes.cancel(laneId, { owner: revoked, reason: 'credential revoked' })
  }

  has(laneId: string): boolean {
    return this.#lanes.has(laneId)
  }

  ids(): string[] {
    return this.#lanes.ids()
  }

  queued(laneId: string): LaneMessage<Payload>[] {
    return this.#lanes.queued(laneId)
  }

  snapshot(laneId: string): LaneSnapshot {
    return this.#lanes.snapshot(laneId)
  }

  get waiting(): number {
    return this.#lanes.waiting
  }

  get size(): number {
    return this.#lanes.size
  }

  get runTimeoutMs(): number {
    return this.#lanes.runTimeoutMs
  }

  set runTimeoutMs(ms: number) {
    this.#lanes.runTimeoutMs = ms
  }

  close(graceMs: number): Promise<void> {
    return this.#lanes.close(graceMs)
  }

  #restore(recovered: readonly RecoveredMessage<Payload>[]): void {
    for (const [laneId, messages] of Map.groupBy(recovered, (it) => it.laneId)) {
      const tickets = this.#lanes.restore(laneId, messages)
      for (const [index, { settled }] of tickets.entries()) this.#reportEnd(laneId, messages[index]!.message, settled)
    }
  }

  #changed(sessionId: string): void {
    this.#hooks.emit('lane.changed', { sessionId })
  }

  #reportEnd(laneId: string, message: LaneMessage<Payload>, settled: Promise<Outcome<unknown>>): void {
    settled.then(
      (outcome) => this.#requireHandler().settled(laneId, message, { outcome }),
      (error) => this.#requireHandler().settled(laneId, message, { error })
    )
  }

  #requireHandler(): TurnHandler {
    if (this.#handler) return this.#handler
    throw new Error('no handler for messages has been set')
  }
}
