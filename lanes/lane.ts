import assert from 'node:assert/strict'
import { ActiveTurn, type RunEnd } from './active.ts'
import { Alarm, type Clock } from './clock.ts'
import type { ConcurrencyLimiter } from './concurrency-limiter.ts'
import type { LaneDriver, Recovered } from './driver.ts'
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
  /** How many waiting messages were rejected. */
  readonly queued: number
  /** Whether an active run is being stopped, by this call or already before it. */
  readonly running: boolean
  /** Resolves when everything it hit has ended and that is stored: for a run at the latest when it is abandoned. Never rejects. */
  readonly freed: Promise<void>
}

export interface LaneSnapshot {
  readonly state: LaneState
  /** How many messages wait: in the queue, for quiet, for a slot, or to be taken by the running turn. */
  readonly depth: number
  /** How long the oldest of them has waited. */
  readonly oldestAgeMs: number | undefined
  /** The active turn, paused and stopping ones included: its id, whose messages it has, and when it began, in epoch milliseconds. */
  readonly running: { readonly id: string; readonly owner: string; readonly since: number } | undefined
}

/** What the lanes of one `Lanes` share. */
export interface LaneHost<P, R> extends Tally {
  readonly clock: Clock
  readonly slots: ConcurrencyLimiter
  readonly driver: LaneDriver<P, R>
  /** Of turns that start from now on. */
  runTimeoutMs: number
  readonly abandonAfterMs: number
  run(turn: Turn<P>): R | PromiseLike<R>
  preempted(laneId: string, active: readonly LaneMessage<P>[], by: LaneMessage<P>): void
  newId(): string
  nextEpoch(): number
  /** The lane has nothing left to do and will never do anything again. */
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
 * ## quiet
 *
 * Nothing is active, and what comes next is to be collected: the lane waits for its sender to have said everything. The window is
 * armed; whatever comes or goes in the queue decides anew, and no sender can put it off for ever.
 *
 * ## ready
 *
 * Something waits, nothing is active, and the lane stands in line for one of the global slots. When a slot is free, or none is needed
 * because a chore is next, that is over at once. Waiting does not count as running: no timer is armed. What forms the turn is decided when the slot is there.
 *
 * ## running
 *
 * Messages have left the queue for good and are the active turn, with an id and an epoch of its own. The run timeout is armed. The run is
 * called once the driver has the claim, so whoever awaits `send` holds the ticket by then.
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
 * last thing that `#enterStopping` does, and a listener may call the lane like anybody else.
 */
export class Lane<P, R> {
  readonly id: string
  readonly #host: LaneHost<P, R>

  /** Written by the `#enter…` methods alone. */
  #state: LaneState = 'idle'

  readonly #ledger: UnsettledMessages<P, R>

  /** Something waits in quiet and ready, nothing in idle. */
  readonly #inbox: PendingQueue<P, R>

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
    this.#ledger = new UnsettledMessages(id, host.driver, () => this.#checkDone())
    this.#inbox = new PendingQueue(id, host, this.#ledger, (item) => this.#arrived(item))
  }

  /** The ticket of a message that has no end yet. */
  ticket(messageId: string): Promise<Ticket<R>> | undefined {
    return this.#ledger.get(messageId)?.ticket.promise
  }

  /** Makes a message durable, then takes it in. Rejects with a `LaneError` `unsaved` where the driver refuses it. */
  send(message: LaneMessage<P>, body: unknown): Promise<Ticket<R>> {
    return this.#inbox.send(message, body)
  }

  /** Takes messages back that are durable already: each waits as its mode says for a busy lane, none is dropped and none drops others. */
  restore(recovered: readonly Recovered<P>[]): Ticket<R>[] {
    const tickets = recovered.map((found) => this.#inbox.restore(found, this.#turns))
    if (this.#active === undefined) this.#advance()
    return tickets
  }

  /** Rejects what waits, then stops what is active; `scope` limits both. */
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
    const item = this.#ledger.get(messageId)
    if (item === undefined || !within(scope)(item)) return false
    return this.#endWaiting({ code: 'cancelled' }, (other) => other === item).length > 0
  }

  /** The lanes close: what waits stays with the driver, and whoever waits for it here is told. */
  letGo(): void {
    this.#inbox.letGo()
    if (this.#active === undefined) this.#advance()
  }

  /** The lanes close and the grace is over. */
  stop(): void {
    if (this.#active !== undefined && this.#state !== 'stopping') this.#enterStopping({ code: 'shutdown' })
  }

  snapshot(): LaneSnapshot {
    const { length, oldest } = this.#inbox.queue
    const active = this.#active
    return {
      state: this.#state,
      depth: length,
      oldestAgeMs: oldest === undefined ? undefined : Math.max(0, this.#host.clock.now() - oldest),
      running: active && { id: active.turn.id, owner: active.owner, since: active.since }
    }
  }

  /** What waits, people's messages first. */
  queued(): LaneMessage<P>[] {
    return this.#inbox.queue.items.map(({ message }) => message)
  }

  /** Called by the slots: it is this lane's turn. */
  granted(): void {
    if (this.#state === 'resuming') this.#enterRunningAgain()
    else this.#enterRunning()
  }

  /** A message is durable, and the next one in the order of sending. */
  #arrived(item: Item<P, R>): void {
    const admission = admit(this.#situation(), item.message)
    this.#lastArrivalAt = this.#host.clock.now()
    this.#inbox.admit(item, admission, this.#turns)
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
    const ended = this.#inbox.end(cause, (item) => item.message.pinned !== true && hit(item))
    if (this.#active === undefined) this.#advance()
    return ended
  }

  // What is next

  /** Nothing is active, and the queue may have changed. */
  #advance(): void {
    if (this.#inbox.queue.length === 0) {
      if (this.#state !== 'idle') this.#enterIdle()
      return
    }
    if (this.#state === 'ready') {
      if (this.#inbox.queue.priority === 'person') this.#host.slots.promote(this)
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

  #situation(): Situation<Item<P, R>> {
    return {
      state: this.#state,
      activeOwner: this.#active?.owner,
      activePinned: this.#active?.pinned ?? false,
      queued: this.#inbox.queue.items,
      now: this.#host.clock.now(),
      lastArrivalAt: this.#lastArrivalAt,
      freeSince: this.#freeSince
    }
  }

  get #turns(): number {
    return this.#active === undefined ? 0 : 1
  }

  #enterQuiet(until: number): void {
    assert.ok(this.#state !== 'idle' && this.#state !== 'ready', 'an idle or ready lane has nothing to wait for')
    assert.ok(this.#active === undefined, 'a lane is quiet only when no turn is active')
    assert.ok(this.#inbox.queue.length > 0, 'a lane is quiet only when something waits')
    this.#state = 'quiet'
    // Straight to ready: the window has passed, whatever the clock says by then.
    this.#alarm.set(until - this.#host.clock.now(), () => this.#enterReady())
  }

  #enterReady(): void {
    assert.ok(this.#state !== 'ready', 'a lane is ready only once for each turn')
    assert.ok(this.#active === undefined, 'a lane is ready only when no turn is active')
    assert.ok(this.#inbox.queue.length > 0, 'a lane is ready only when something waits')
    this.#alarm.clear()
    this.#state = 'ready'
    // Last, because a free slot is granted before this returns.
    if (this.#inbox.queue.items[0]!.message.pinned) this.#enterRunning()
    else this.#host.slots.request(this, this.#inbox.queue.priority)
  }

  #enterIdle(): void {
    assert.ok(this.#state !== 'idle', 'a lane becomes idle only once')
    assert.ok(this.#active === undefined, 'a lane is idle only when no turn is active')
    assert.equal(this.#inbox.queue.length, 0, 'a lane is idle only when nothing waits')
    this.#alarm.clear()
    if (this.#state === 'ready') this.#host.slots.withdraw(this)
    this.#state = 'idle'
    this.#inbox.forgetDropped()
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
      dropped: this.#inbox.begin(next.messages),
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
      await this.#ledger.claim(turn.messages, turn.id)
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

  /** What is taken has left the queue when this returns, and is handed out when the driver knows. */
  async #takeSteered(active: ActiveTurn<P, R>): Promise<LaneMessage<P>[]> {
    if (!active.offered) return []
    active.offered = false
    const { seen, taken } = this.#inbox.takeSteered()
    active.taken.push(...taken)
    const claimed = taken.map(({ message }) => message)
    if (claimed.length > 0) await this.#ledger.claim(claimed, active.turn.id)
    return seen
  }

  /** A run has ended, or has ignored its signal for too long. One that the lane went on without may say what it likes. */
  #ended(active: ActiveTurn<P, R>, end: RunEnd<R>): void {
    if (active.over) return
    assert.equal(this.#active, active, 'a turn that is not over is the active one')
    const ends = active.ends(end, (cause, item, options) => this.#inbox.error(cause, item, { stage: 'running', ...options }))
    active.leave()
    this.#active = undefined
    this.#alarm.clear()
    this.#freeSince = this.#host.clock.now()
    if (active.offered) this.#inbox.keepUntaken()
    this.#ledger.settle(ends, active.turn.id)
    if (this.#state === 'resuming') this.#host.slots.withdraw(this)
    // The slot goes to the head of the line, and this lane, if it has more to do, to its tail.
    if (active.hasSlot) this.#host.slots.release()
    this.#advance()
  }

  /** Every message that was ever sent to the lane has its end, and nothing can come of it any more. */
  #checkDone(): void {
    if (this.#state === 'idle' && this.#ledger.size === 0) this.#host.dropped(this)
  }
}

/** Selects the messages that `scope` covers. */
function within({ owner }: OwnerScope): (item: { readonly message: LaneMessage<unknown> }) => boolean {
  if (owner === undefined) return () => true
  return typeof owner === 'string' ? ({ message }) => message.owner === owner : ({ message }) => owner(message.owner)
}
