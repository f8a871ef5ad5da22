import { ABANDON_AFTER, type OnAbort, RUN_TIMEOUT } from './rig.ts'

export const CAP = 2
/** Twice as many as slots, so that there is a line to keep in order. */
export const LANES = ['a', 'b', 'c', 'd']
export const OWNERS = ['ann', 'bob']

/** What the run of an item does when it is called, and how it takes an abort. */
export interface Kind {
  readonly owner: string
  readonly act: 'waits' | 'throws' | 'cancels its lane' | 'enqueues into its lane'
  readonly onAbort: OnAbort
}

export interface Item extends Kind {
  readonly name: string
}

/** What an item that was enqueued by a run of its own lane is like. */
export const CHILD = { owner: 'ann', act: 'waits', onAbort: 'rejects' } as const

/**
 * What lanes do, said as plainly as possible: no promises, no timers, one thing after the other.
 * `outcomes` and `started` are the whole truth about every item ever accepted.
 */
export class Model {
  now = 0
  readonly queues = new Map(LANES.map((lane) => [lane, [] as Item[]]))
  readonly active = new Map<string, { item: Item; end?: string; due: number; armed: number; cause?: string }>()
  line: string[] = []
  readonly started: string[] = []
  readonly outcomes = new Map<string, string>()
  grace: { due: number; armed: number } | undefined
  closed = false
  #armed = 0

  enqueue(lane: string, item: Item): void {
    if (this.closed) return
    this.queues.get(lane)!.push(item)
    if (!this.active.has(lane) && !this.line.includes(lane)) this.line.push(lane)
    this.settle()
  }

  /** The run itself comes to its end. */
  end(lane: string, end: string): void {
    const turn = this.active.get(lane)
    if (turn) turn.end ??= end
    this.settle()
  }

  cancel(lane: string, owner?: string, cause = 'cancelled'): void {
    const queue = this.queues.get(lane)!
    const hit = (item: Item): boolean => owner === undefined || item.owner === owner
    for (const item of queue.filter(hit)) this.outcomes.set(item.name, cause)
    this.queues.set(
      lane,
      queue.filter((item) => !hit(item))
    )
    this.line = this.line.filter((waiting) => this.queues.get(waiting)!.length > 0)
    const turn = this.active.get(lane)
    if (turn && hit(turn.item)) this.#stop(lane, cause)
    this.settle()
  }

  close(graceMs: number): void {
    if (this.closed) return
    this.closed = true
    for (const [lane, queue] of this.queues) {
      for (const item of queue) this.outcomes.set(item.name, 'shutdown')
      this.queues.set(lane, [])
    }
    this.line = []
    this.grace = { due: this.now + graceMs, armed: ++this.#armed }
  }

  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const timers = [...this.active.entries(), ...(this.grace && this.active.size > 0 ? [['', this.grace] as const] : [])]
      const [next] = timers.filter(([, { due }]) => due <= until).sort(([, a], [, b]) => a.due - b.due || a.armed - b.armed)
      if (!next) break
      this.now = next[1].due
      if (next[0] === '') {
        this.grace = undefined
        for (const lane of this.active.keys()) this.#stop(lane, 'shutdown')
      } else if (this.active.get(next[0])!.cause) this.#leave(next[0])
      else this.#stop(next[0], 'timeout')
      this.settle()
    }
    this.now = until
  }

  #stop(lane: string, cause: string): void {
    const turn = this.active.get(lane)!
    if (turn.cause) return
    Object.assign(turn, { cause, due: this.now + ABANDON_AFTER, armed: ++this.#armed })
    if (turn.item.onAbort !== 'ignores') turn.end ??= 'ended'
  }

  #leave(lane: string): void {
    const { item, cause, end } = this.active.get(lane)!
    this.outcomes.set(item.name, cause ?? end!)
    this.active.delete(lane)
    if (this.queues.get(lane)!.length > 0) this.line.push(lane)
  }

  /** Turns that have ended leave, lanes in the line get the slots that are free; until nothing moves any more. */
  settle(): void {
    const ended = [...this.active].find(([, { end }]) => end !== undefined)
    if (ended) this.#leave(ended[0])
    else if (this.line.length > 0 && this.active.size < CAP) this.#start(this.line.shift()!)
    else return
    this.settle()
  }

  #start(lane: string): void {
    const item = this.queues.get(lane)!.shift()!
    this.active.set(lane, { item, due: this.now + RUN_TIMEOUT, armed: ++this.#armed })
    this.started.push(item.name)
    if (item.act === 'throws') this.end(lane, 'thrown')
    if (item.act === 'cancels its lane') this.cancel(lane)
    if (item.act === 'enqueues into its lane') this.enqueue(lane, { ...CHILD, name: `${item.name}+` })
  }

  state(lane: string): { state: string; queued: number } {
    const turn = this.active.get(lane)
    const state = turn ? (turn.cause ? 'stopping' : 'running') : this.line.includes(lane) ? 'ready' : 'idle'
    return { state, queued: this.queues.get(lane)!.length }
  }
}
