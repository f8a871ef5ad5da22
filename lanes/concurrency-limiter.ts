import assert from 'node:assert/strict'
import type { LaneMessage } from './message.ts'

/** A lane that may ask for a slot. */
export interface SlotRequester {
  /** It holds a slot now, and must give it back with `release`. */
  granted(): void
}

type Priority = LaneMessage<unknown>['priority']

/** Lanes of people that go before a waiting lane of a machine. A flood of hooks makes no person wait, and no crowd stops the hooks. */
export const PEOPLE_AHEAD = 4

/**
 * Global limit on concurrent runs. A lane that finds no free slot waits in line, lanes of people in one and lanes of machines in another. A
 * released slot goes to the head of one of them. A lane that has more to do asks again at the tail after each turn, which makes a line a
 * round robin: a lane with a thousand messages waits as long for each of them as a lane with one.
 */
export class ConcurrencyLimiter {
  /** Zero while a lane waits. */
  #free: number
  /** In the order of asking; each waiter at most once. */
  readonly #lines: Record<Priority, Set<SlotRequester>> = { person: new Set(), system: new Set() }
  /** Lanes of people that went before the next lane of a machine. */
  #ahead = 0

  constructor(count: number) {
    assert.ok(Number.isInteger(count) && count > 0, `the number of concurrent runs must be a positive integer, got ${count}`)
    this.#free = count
  }

  /** Grants a slot, at once where one is free. */
  request(waiter: SlotRequester, priority: Priority): void {
    const { person, system } = this.#lines
    assert.ok(!person.has(waiter) && !system.has(waiter), 'who waits for a slot cannot ask for a second one')
    if (this.#free === 0) {
      this.#lines[priority].add(waiter)
      return
    }
    this.#free--
    waiter.granted()
  }

  /** Moves a waiting lane to the line of people. */
  promote(waiter: SlotRequester): void {
    if (this.#lines.system.delete(waiter)) this.#lines.person.add(waiter)
  }

  /** Leaves the line. */
  withdraw(waiter: SlotRequester): void {
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

  #next(): SlotRequester | undefined {
    const [[person], [system]] = [this.#lines.person, this.#lines.system]
    const aPerson = person !== undefined && (system === undefined || this.#ahead < PEOPLE_AHEAD)
    this.#ahead = aPerson && system !== undefined ? this.#ahead + 1 : 0
    return aPerson ? person : system
  }
}
