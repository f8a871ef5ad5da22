import type { LaneEnd } from './driver.ts'
import type { LaneCause, LaneError, LaneErrorOptions } from './errors.ts'
import type { Item } from './item.ts'
import type { LaneMessage, Outcome } from './message.ts'
import type { Turn } from './turn.ts'

/** Transitions of the lane's state that a turn asks for while it goes on. */
export interface TurnHost<P> {
  takeSteered(): Promise<LaneMessage<P>[]>
  /** Gives the slot back, or leaves the line for one. */
  pause(): void
  /** Stands in line for a slot. */
  resume(): void
}

export type TurnData<P> = Pick<Turn<P>, 'id' | 'laneId' | 'epoch' | 'dropped'> & {
  readonly since: number
  readonly timeoutMs: number
}

/** End of a run: it returned, it threw, or the lane goes on without it. */
export type RunEnd<R> = { readonly value: R } | { readonly error: unknown } | 'abandoned'

/**
 * The turn in progress. It goes on, then it may be stopped, then it is over; in that order, each at most once. While it goes on it
 * has a slot, or it is paused (`waits` is positive), or it stands in line for its slot again.
 */
export class ActiveTurn<P, R> {
  /** The turn as the run sees it. `live` is a plain property: a getter would keep the turn alive until a full garbage collection. */
  readonly turn: Omit<Turn<P>, 'live'> & { live: boolean }
  readonly items: readonly Item<P, R>[]
  /** Messages steered into it. They end with it. */
  readonly taken: Item<P, R>[] = []
  /** Epoch milliseconds. */
  readonly since: number
  hasSlot: boolean
  /** It is a chore: nothing but the end of the lanes stops it, and it has no slot. */
  readonly pinned: boolean
  /** True once a message was offered to it. */
  offered = false

  readonly #host: TurnHost<P>
  readonly #controller = new AbortController()
  #cause: LaneCause | undefined
  /** Remaining run timeout in milliseconds, as of `#countsFrom`. */
  #left: number
  #countsFrom = 0
  /** Number of pauses in progress. */
  #waits = 0
  /** Once it has paused: resolved when the turn has its slot again, and when it does not go on. */
  #resumed: PromiseWithResolvers<void> | undefined

  constructor(data: TurnData<P>, items: readonly Item<P, R>[], host: TurnHost<P>) {
    this.since = data.since
    this.items = items
    this.pinned = items[0]!.message.pinned === true
    this.hasSlot = !this.pinned
    this.#left = data.timeoutMs
    this.#host = host
    this.turn = {
      id: data.id,
      laneId: data.laneId,
      epoch: data.epoch,
      dropped: data.dropped,
      signal: this.#controller.signal,
      live: true,
      messages: items.map(({ message }) => message),
      backlog: items[0]!.backlog,
      takeSteered: async () => (this.#goesOn ? host.takeSteered() : []),
      pause: (wait) => this.#pause(wait)
    }
  }

  /** Why it is being stopped: the first cause to arrive, and what its messages end with. */
  get cause(): LaneCause | undefined {
    return this.#cause
  }

  /** Owner of all its messages, taken ones included: the run has this owner's rights. */
  get owner(): string {
    return this.items[0]!.message.owner
  }

  /** True if it has this id, or is about a message with this id. */
  answers(id: string): boolean {
    return this.turn.id === id || [...this.items, ...this.taken].some(({ message }) => message.id === id)
  }

  get over(): boolean {
    return !this.turn.live
  }

  get #goesOn(): boolean {
    return this.turn.live && this.#cause === undefined
  }

  /** Starts the run timeout. Returns the remaining milliseconds. */
  count(now: number): number {
    this.#countsFrom = now
    return this.#left
  }

  /** The run timeout stands still from now on. */
  hold(now: number): void {
    this.#left -= now - this.#countsFrom
  }

  /** It has its slot again. */
  goOn(): void {
    this.hasSlot = true
    this.#resumed?.resolve()
  }

  /** Listeners of its signal are called before this returns. */
  stop(cause: LaneCause): void {
    this.#cause = cause
    this.#resumed?.resolve()
    this.#controller.abort()
  }

  leave(): void {
    this.turn.live = false
    this.#resumed?.resolve()
  }

  /** The end of each of its messages. `error` creates the lane's error for a message. */
  ends(
    end: RunEnd<R>,
    error: (cause: LaneCause, item: Item<P, R>, options: Omit<LaneErrorOptions, 'stage'>) => LaneError
  ): LaneEnd<P, R>[] {
    const fate = (item: Item<P, R>, how: Outcome<R>['how']): LaneEnd<P, R> => {
      const { message } = item
      if (end === 'abandoned') return { message, error: error(this.#cause!, item, { abandoned: true }) }
      const thrown = 'error' in end ? end.error : undefined
      if (this.#cause !== undefined) return { message, error: error(this.#cause, item, { cause: thrown }) }
      if ('error' in end) return { message, error: thrown }
      const collected = how === 'collected' && { collected: this.items.length }
      const backlog = item.backlog && { backlog: true as const }
      const fallback = item.fallback && { fallback: 'followup' as const }
      return { message, outcome: { value: end.value, how, ...collected, ...backlog, ...fallback } }
    }
    const own = this.items.length > 1 ? 'collected' : 'completed'
    return [...this.items.map((item) => fate(item, own)), ...this.taken.map((item) => fate(item, 'steered'))]
  }

  async #pause<T>(wait: () => T | PromiseLike<T>): Promise<T> {
    this.#check()
    this.#waits++
    if (this.#waits === 1) {
      // Otherwise it queues for its slot, and those who wait for the slot go on waiting.
      if (this.hasSlot) this.#resumed = Promise.withResolvers()
      this.#host.pause()
    }
    const [result] = await Promise.allSettled([unlessAborted(wait, this.turn.signal)])
    this.#waits--
    if (this.#waits === 0 && this.#goesOn) this.#host.resume()
    // Another branch of the run may pause again before this one is called.
    while (this.#goesOn && !this.hasSlot) await this.#resumed?.promise
    this.#check()
    if (result.status === 'rejected') throw result.reason
    return result.value
  }

  #check(): void {
    this.turn.signal.throwIfAborted()
    if (this.over) throw new DOMException('The turn is over', 'AbortError')
  }
}

/** Result of `wait`, or a rejection with the signal's reason as soon as it is aborted. */
function unlessAborted<T>(wait: () => T | PromiseLike<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const stopped = (): void => reject(signal.reason)
  signal.addEventListener('abort', stopped, { once: true })
  new Promise<T>((done) => done(wait())).then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped))
  return promise
}
