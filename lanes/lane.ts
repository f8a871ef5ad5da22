import assert from 'node:assert/strict'
import { ActiveTurn, type RunEnd } from './active.ts'
import { Alarm, type Clock } from './clock.ts'
import type { ConcurrencyLimiter } from './concurrency-limiter.ts'
import type { LaneDriver, RecoveredMessage } from './driver.ts'
import type { LaneCause } from './errors.ts'
import type { Item } from './item.ts'
import type { LaneMessage, Ticket } from './message.ts'
import { PendingQueue } from './pending-queue.ts'
import { admit, type LaneState, nextTurn, type Situation } from './policy.ts'
import type { Tally } from './queue.ts'
import type { Turn } from './turn.ts'
import { UnsettledMessages } from './unsettled-messages.ts'

/** Limits an operation to the messages of some owners. */
export interface OwnerScope {
  /** One owner, or a predicate over owners. Absent: all. */
  readonly owner?: string | ((owner: string) => boolean) | undefined
}

/** Limits a cancel. */
export interface CancelScope extends OwnerScope {
  /** Only if the active turn has this id, or is about a message with this id; otherwise nothing is cancelled. */
  readonly turnId?: string | undefined
  /** Leaves what waits. */
  readonly keepQueue?: boolean | undefined
}

/** Effect of a `cancel`. */
export interface Cancellation {
  /** Number of waiting messages that were rejected. */
  readonly queued: number
  /** True if an active run is being stopped, by this call or an earlier one. */
  readonly running: boolean
  /** Resolves when everything it hit has ended and that is stored: for a run at the latest when it is abandoned. Never rejects. */
  readonly freed: Promise<void>
}

export interface LaneSnapshot {
  readonly state: LaneState
  /** Number of waiting messages: in the queue, for quiet, for a slot, or to be taken by the running turn. */
  readonly depth: number
  /** Waiting time of the oldest in milliseconds. */
  readonly oldestAgeMs: number | undefined
  /** The active turn, paused and stopping ones included: its id, whose messages it has, and when it began, in epoch milliseconds. */
  readonly running: { readonly id: string; readonly owner: string; readonly since: number } | undefined
}

/** Shared by the lanes of one `Lanes`. */
export interface LaneHost<P, R> extends Tally {
  readonly clock: Clock
  readonly slots: ConcurrencyLimiter
  readonly driver: LaneDriver<P, R>
  /** Ids of the lanes that begin no turn. */
  readonly held: ReadonlySet<string>
  /** Run timeout of turns that start from now on. */
  runTimeoutMs: number
  readonly abandonAfterMs: number
  run(turn: Turn<P>): R | PromiseLike<R>
  preempted(laneId: string, active: readonly LaneMessage<P>[], by: LaneMessage<P>): void
  newId(): string
  nextEpoch(): number
  /** Called when the lane has nothing left to do, and will never have. */
  dropped(lane: Lane<P, R>): void
}

/**
 * A lane is a queue of messages that become turns, one at a time. It lives from its first message until it has nothing left to do;
 * then it is dropped, and the next message makes a new one. So an idle lane costs nothing (OpenClaw #5264: lanes were never pruned).
 *
 * The lane is always in one of these states:
 *
 * ```
 *                                                              ┌────────▶ paused ────────┐
 *          first message        slot granted                   │ pause                   │ wait is over
 *   idle ────────────────▶ ready ───────────▶ running ◀────────┴─────── resuming ◀───────┘
 *    ▲                      ▲ │                  │     slot granted        │
 *    │        quiet enough  │ │                  │       running, paused, resuming: cancel, interrupt, timeout, shutdown
 *    │      ┌───────────────┘ │                  │                         ▼
 *    │    quiet               │                  │ ended                stopping
 *    │      ▲ │               │                  ▼                         │ ended or abandoned
 *    │      │ └───────────────┼──┐               ●◀────────────────────────┘
 *    │      │ something to    │  │ all           │
 *    │      │ collect         │  │ cancelled     │  (● to ready: something else waits)
 *    │      └─────────────────┼──┼───────────────┤
 *    └────────────────────────┴──┴───────────────┘ nothing waits
 * ```
 *
 * ## idle
 *
 * Nothing waits, nothing is active. The first state and the last: a lane that comes back to it is dropped, as soon as the last of
 * its messages has its end, and that is stored.
 *
 * ## held
 *
 * Something waits, nothing is active, and the lane is not to begin a turn. Not in the diagram: a lane that is held comes here
 * instead of going to quiet or ready, and leaves to one of them when it is released, or to idle when nothing waits any more. The
 * active turn goes on, and takes steered messages. A chore begins even so: it has to be done.
 *
 * ## quiet
 *
 * Nothing is active, and the next messages are to be collected: the lane waits until its sender has sent everything. The window is
 * armed. Every change of the queue decides anew, and no sender can delay the turn for ever.
 *
 * ## ready
 *
 * Something waits, nothing is active, and the lane stands in line for one of the global slots. When a slot is free, or none is needed
 * because a chore is next, this ends at once. Waiting does not count as running: no timer is armed. The messages of the turn are chosen once there is a slot.
 *
 * ## running
 *
 * Messages have left the queue for good and are the active turn, with an id and an epoch of its own. The run timeout is armed. The run is
 * called once the driver has the claim, so the caller of `send` has the ticket by then.
 *
 * ## paused, resuming
 *
 * The active turn waits for a person, and then for a slot. It holds no slot and its timeout stands still.
 *
 * ## stopping
 *
 * The signal of the active turn is aborted and its outcome decided: the `LaneError` of the first cause to arrive, even if the run
 * still returns something. The lane waits for the run to end, because its next turn must not overlap with it, but not forever: after
 * the abandon deadline it goes on without it. A turn stopped in its pause ends without a slot; it has nothing left to do but to end.
 *
 * No code of others runs inside a transition, with one exception: the listeners of the aborted signal. Aborting is therefore the
 * last thing that `#enterStopping` does, and a listener may call the lane.
 */
export class Lane<P, R> {
  readonly id: string
  readonly #host: LaneHost<P, R>

  /** Written by the `#enter…` methods alone. */
  #state: LaneState = 'idle'

  readonly #unsettled: UnsettledMessages<P, R>

  /** Something waits in held, quiet and ready, nothing in idle. */
  readonly #pending: PendingQueue<P, R>

  /** Set exactly in running, paused, resuming and stopping. */
  #active: ActiveTurn<P, R> | undefined

  /** Set to the window in quiet, the run timeout in running, the abandon deadline in stopping; not set elsewhere. */
  readonly #alarm: Alarm

  #lastArrivalAt = 0
  #freeSince = 0

  constructor(id: string, host: LaneHost<P, R>) {
    this.id = id
    this.#host = host
    this.#alarm = new Alarm(host.clock)
    this.#unsettled = new UnsettledMessages(id, host.driver, () => this.#checkDone())
    this.#pending = new PendingQueue(id, host, this.#unsettled, (item) => this.#arrived(item))
  }

  /** The ticket of a message that has no end yet. */
  ticket(messageId: string): Promise<Ticket<R>> | undefined {
    return this.#unsettled.get(messageId)?.ticket.promise
  }

  /** Makes a message durable, then takes it in. Rejects with a `LaneError` `unsaved` where the driver refuses it. */
  send(message: LaneMessage<P>, body: unknown): Promise<Ticket<R>> {
    return this.#pending.send(message, body)
  }

  /** Puts stored messages back: each waits as its mode says for a busy lane. None is dropped, and none drops others. */
  restore(recovered: readonly RecoveredMessage<P>[]): Ticket<R>[] {
    const tickets = recovered.map((found) => this.#pending.restore(found, this.#turns))
    if (this.#active === undefined) this.#advance()
    return tickets
  }

  /** Rejects the waiting messages, then stops the active turn. `scope` limits both. */
  cancel(cause: LaneCause, { turnId, keepQueue = false, ...scope }: CancelScope = {}): Cancellation {
    const hit = within(scope)
    const active = this.#active
    if (turnId !== undefined && active?.answers(turnId) !== true) return { queued: 0, running: false, freed: Promise.resolve() }
    const stopped = active?.pinned === false && active.items.some(hit) ? active : undefined
    const waiting = keepQueue ? [] : this.#endWaiting(cause, hit)
    if (stopped !== undefined && stopped.cause === undefined) this.#enterStopping(cause)
    const hits = stopped === undefined ? waiting : [...waiting, ...stopped.items, ...stopped.taken]
    const freed = Promise.allSettled(hits.map(({ ticket, outcome }) => ticket.promise.then(() => outcome.promise)))
    return { queued: waiting.length, running: stopped !== undefined, freed: freed.then(() => {}) }
  }

  /** Rejects what waits, and answers how many that were. */
  clear(scope: OwnerScope): number {
    return this.#endWaiting({ code: 'cancelled' }, within(scope)).length
  }

  /** Rejects one message that waits. Answers whether it did. */
  cancelMessage(messageId: string, scope: OwnerScope): boolean {
    const item = this.#unsettled.get(messageId)
    if (item === undefined || !within(scope)(item)) return false
    return this.#endWaiting({ code: 'cancelled' }, (other) => other === item).length > 0
  }

  /** The lane is held from now on, or released. */
  holdChanged(): void {
    if (this.#active === undefined) this.#advance()
  }

  /** Releases the waiting messages because the lanes close: they stay with the driver, and their senders get the reason. */
  letGo(): void {
    this.#pending.letGo()
    if (this.#active === undefined) this.#advance()
  }

  /** Stops the active turn because the grace period of closing is over. */
  stop(): void {
    if (this.#active !== undefined && this.#state !== 'stopping') this.#enterStopping({ code: 'shutdown' })
  }

  snapshot(): LaneSnapshot {
    const { length, oldest } = this.#pending.queue
    const active = this.#active
    return {
      state: this.#state,
      depth: length,
      oldestAgeMs: oldest === undefined ? undefined : Math.max(0, this.#host.clock.now() - oldest),
      running: active && { id: active.turn.id, owner: active.owner, since: active.since }
    }
  }

  /** Waiting messages, those of people first. */
  queued(): LaneMessage<P>[] {
    return this.#pending.queue.items.map(({ message }) => message)
  }

  /** Called by the limiter: this lane has a slot. */
  granted(): void {
    if (this.#state === 'resuming') this.#enterRunningAgain()
    else this.#enterRunning()
  }

  /** Admits a stored message, the next one in the order of sending. */
  #arrived(item: Item<P, R>): void {
    const admission = admit(this.#situation(), item.message)
    this.#lastArrivalAt = this.#host.clock.now()
    this.#pending.admit(item, admission, this.#turns)
    if (admission.act === 'reject') return
    if (this.#active === undefined) {
      this.#advance()
      return
    }
    if (admission.act === 'steer') this.#active.offered = true
    if (admission.act === 'interrupt') {
      this.#host.preempted(this.id, this.#active.turn.messages, item.message)
      this.#enterStopping({ code: 'cancelled' })
    }
  }

  #endWaiting(cause: LaneCause, hit: (item: Item<P, R>) => boolean): Item<P, R>[] {
    const ended = this.#pending.end(cause, (item) => item.message.pinned !== true && hit(item))
    if (this.#active === undefined) this.#advance()
    return ended
  }

  // Next turn

  /** Chooses the next state when nothing is active and the queue may have changed. */
  #advance(): void {
    if (this.#pending.queue.length === 0) {
      if (this.#state !== 'idle') this.#enterIdle()
      return
    }
    if (this.#isHeld) {
      if (this.#state !== 'held') this.#enterHeld()
      return
    }
    if (this.#state === 'ready') {
      if (this.#pending.queue.priority === 'person') this.#host.slots.promote(this)
      return
    }
    if (this.#state === 'idle') {
      this.#enterReady()
      return
    }
    const next = nextTurn(this.#situation())
    if ('until' in next) this.#enterQuiet(next.until)
    else this.#enterReady()
  }

  get #isHeld(): boolean {
    return this.#host.held.has(this.id) && this.#pending.queue.items[0]!.message.pinned !== true
  }

  #situation(): Situation<Item<P, R>> {
    return {
      state: this.#state,
      activeOwner: this.#active?.owner,
      activePinned: this.#active?.pinned ?? false,
      queued: this.#pending.queue.items,
      now: this.#host.clock.now(),
      lastArrivalAt: this.#lastArrivalAt,
      freeSince: this.#freeSince
    }
  }

  get #turns(): number {
    return this.#active === undefined ? 0 : 1
  }

  #enterHeld(): void {
    assert.ok(this.#state !== 'held', 'a lane is held only once')
    assert.ok(this.#active === undefined, 'a lane is held only when no turn is active')
    assert.ok(this.#pending.queue.length > 0, 'a lane is held only when something waits')
    this.#alarm.clear()
    if (this.#state === 'ready') this.#host.slots.withdraw(this)
    this.#state = 'held'
  }

  #enterQuiet(until: number): void {
    assert.ok(this.#state !== 'idle' && this.#state !== 'ready', 'an idle or ready lane has nothing to wait for')
    assert.ok(this.#active === undefined, 'a lane is quiet only when no turn is active')
    assert.ok(this.#pending.queue.length > 0, 'a lane is quiet only when something waits')
    this.#state = 'quiet'
    // Straight to ready: the window has passed, whatever the clock says by then.
    this.#alarm.set(until - this.#host.clock.now(), () => this.#enterReady())
  }

  #enterReady(): void {
    assert.ok(this.#state !== 'ready', 'a lane is ready only once for each turn')
    assert.ok(this.#active === undefined, 'a lane is ready only when no turn is active')
    assert.ok(this.#pending.queue.length > 0, 'a lane is ready only when something waits')
    this.#alarm.clear()
    this.#state = 'ready'
    // Last, because a free slot is granted before this returns.
    if (this.#pending.queue.items[0]!.message.pinned) this.#enterRunning()
    else this.#host.slots.request(this, this.#pending.queue.priority)
  }

  #enterIdle(): void {
    assert.ok(this.#state !== 'idle', 'a lane becomes idle only once')
    assert.ok(this.#active === undefined, 'a lane is idle only when no turn is active')
    assert.equal(this.#pending.queue.length, 0, 'a lane is idle only when nothing waits')
    this.#alarm.clear()
    if (this.#state === 'ready') this.#host.slots.withdraw(this)
    this.#state = 'idle'
    this.#pending.forgetDropped()
    this.#checkDone()
  }

  // The turn

  #enterRunning(): void {
    assert.equal(this.#state, 'ready', 'only a ready lane can run')
    const next = nextTurn(this.#situation())
    assert.ok('messages' in next, 'a ready lane has waited enough')
    const [first] = next.messages
    const data = {
      id: first!.claimed ? this.#host.newId() : first!.message.id,
      laneId: this.id,
      epoch: this.#host.nextEpoch(),
      dropped: this.#pending.begin(next.messages),
      since: this.#host.clock.now(),
      timeoutMs: this.#host.runTimeoutMs
    }
    const active: ActiveTurn<P, R> = new ActiveTurn(data, next.messages, {
      takeSteered: () => this.#takeSteered(active),
      pause: () => this.#enterPaused(),
      resume: () => this.#enterResuming()
    })
    this.#active = active
    this.#state = 'running'
    this.#armTimeout(active)
    this.#run(active)
  }

  async #run(active: ActiveTurn<P, R>): Promise<void> {
    const { turn } = active
    let end: RunEnd<R>
    try {
      await this.#unsettled.claim(turn.messages, turn.id)
      // Stopped before it was called: then it is not called at all.
      turn.signal.throwIfAborted()
      end = { value: await this.#host.run(turn) }
    } catch (error) {
      end = { error }
    }
    this.#ended(active, end)
  }

  #enterPaused(): void {
    assert.ok(this.#state === 'running' || this.#state === 'resuming', 'only a turn that goes on can pause')
    const before = this.#state
    this.#state = 'paused'
    if (before === 'resuming') {
      this.#host.slots.withdraw(this)
      return
    }
    this.#alarm.clear()
    this.#active!.hold(this.#host.clock.now())
    this.#active!.hasSlot = false
    // Last, because it may start another lane's turn.
    this.#host.slots.release()
  }

  #enterResuming(): void {
    assert.equal(this.#state, 'paused', 'only a paused turn can be resumed')
    this.#state = 'resuming'
    this.#host.slots.request(this, this.#active!.turn.messages[0]!.priority)
  }

  #enterRunningAgain(): void {
    assert.equal(this.#state, 'resuming', 'only a turn that waits for its slot can go on')
    this.#state = 'running'
    this.#armTimeout(this.#active!)
    this.#active!.goOn()
  }

  #enterStopping(cause: LaneCause): void {
    assert.ok(this.#active !== undefined && this.#state !== 'stopping', 'only a turn that goes on can be stopped')
    if (this.#state === 'resuming') this.#host.slots.withdraw(this)
    this.#state = 'stopping'
    const active = this.#active
    this.#alarm.set(this.#host.abandonAfterMs, () => this.#ended(active, 'abandoned'))
    // Last, because its listeners are code of others.
    active.stop(cause)
  }

  #armTimeout(active: ActiveTurn<P, R>): void {
    this.#alarm.set(active.count(this.#host.clock.now()), () => this.#enterStopping({ code: 'timeout' }))
  }

  /** Taken messages have left the queue when this returns. They are handed out once the driver has stored the claim. */
  async #takeSteered(active: ActiveTurn<P, R>): Promise<LaneMessage<P>[]> {
    if (!active.offered) return []
    active.offered = false
    const { seen, taken } = this.#pending.takeSteered()
    active.taken.push(...taken)
    const claimed = taken.map(({ message }) => message)
    if (claimed.length > 0) await this.#unsettled.claim(claimed, active.turn.id)
    return seen
  }

  /** Ends a turn whose run has ended, or has ignored its signal for too long. Later output of an abandoned run is ignored. */
  #ended(active: ActiveTurn<P, R>, end: RunEnd<R>): void {
    if (active.over) return
    assert.equal(this.#active, active, 'a turn that is not over is the active one')
    const ends = active.ends(end, (cause, item, options) => this.#pending.error(cause, item, { stage: 'running', ...options }))
    active.leave()
    this.#active = undefined
    this.#alarm.clear()
    this.#freeSince = this.#host.clock.now()
    if (active.offered) this.#pending.keepUntaken()
    this.#unsettled.settle(ends, active.turn.id)
    if (this.#state === 'resuming') this.#host.slots.withdraw(this)
    // The slot goes to the head of the line, and this lane, if it has more to do, to its tail.
    if (active.hasSlot) this.#host.slots.release()
    this.#advance()
  }

  /** Drops the lane once it is idle and every message sent to it is settled. */
  #checkDone(): void {
    if (this.#state === 'idle' && this.#unsettled.size === 0) this.#host.dropped(this)
  }
}

/** Selects the messages that `scope` covers. */
function within({ owner }: OwnerScope): (item: { readonly message: LaneMessage<unknown> }) => boolean {
  if (owner === undefined) return () => true
  return typeof owner === 'string' ? ({ message }) => message.owner === owner : ({ message }) => owner(message.owner)
}
