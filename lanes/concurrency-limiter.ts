import assert from 'node:assert/strict'
import type { LaneMessage } from './message.ts'

/** Somebody who may ask for a slot: a lane. */
export interface Waiter {
  /** It holds a slot now, and must give it back with `release`. */
  granted(): void
}

type Priority = LaneMessage<unknown>['priority']

/** How many people's lanes go before a machine's that waits: a flood of hooks makes no person wait, and no crowd stops the hooks. */
export const PEOPLE_AHEAD = 4

/**
 * The global cap on concurrent runs. Whoever finds no free slot waits in line, people in one and machines in another; a slot that is
 * given back goes to the head of one of them. A lane that has more to do asks again at the tail after each turn, which makes a line a
 * round robin: a lane with a thousand messages waits as long for each of them as a lane with one.
 */
export class ConcurrencyLimiter {
  /** Never positive while somebody waits. */
  #free: number
  /** In the order of asking; each waiter at most once. */
  readonly #lines: Record<Priority, Set<Waiter>> = { person: new Set(), system: new Set() }
  /** How many people's went before the machine's that is next. */
  #ahead = 0

  constructor(count: number) {
    assert.ok(Number.isInteger(count) && count > 0, `the number of concurrent runs must be a positive integer, got ${count}`)
    this.#free = count
  }

  /** Grants a slot, at once where one is free. */
  request(waiter: Waiter, priority: Priority): void {
    const { person, system } = this.#lines
    assert.ok(!person.has(waiter) && !system.has(waiter), 'who waits for a slot cannot ask for a second one')
    if (this.#free === 0) {
      this.#lines[priority].add(waiter)
      return
    }
    this.#free--
    waiter.granted()
  }

  /** Somebody who waits is a person's from now on. */
  promote(waiter: Waiter): void {
    if (this.#lines.system.delete(waiter)) this.#lines.person.add(waiter)
  }

  /** Leaves the line. */
  withdraw(waiter: Waiter): void {
    const { person, system } = this.#lines
    assert.ok(person.delete(waiter) || system.delete(waiter), 'only who waits for a slot can withdraw')
  }

  /** Gives a slot back. */
  release(): void {
    const next = this.#next()
    if (next === undefined) {
      this.#free++
      return
    }
    this.withdraw(next)
    next.granted()
  }

  #next(): Waiter | undefined {
    const [[person], [system]] = [this.#lines.person, this.#lines.system]
    const aPerson = person !== undefined && (system === undefined || this.#ahead < PEOPLE_AHEAD)
    this.#ahead = aPerson && system !== undefined ? this.#ahead + 1 : 0
    return aPerson ? person : system
  }
}
