import assert from 'node:assert/strict'

/** Somebody who may ask for a slot: a lane. */
export interface Waiter {
  /** It holds a slot now, and must give it back with `release`. */
  granted(): void
}

/**
 * The global cap on concurrent runs. Whoever finds no free slot waits in line; a slot that is given back goes to the head
 * of the line. A lane that has more to do asks again at the tail after each turn, which makes the line a round robin: a lane
 * with a thousand items waits as long for each of them as a lane with one.
 */
export class Slots {
  /** Never positive while somebody waits. */
  #free: number
  /** In the order of asking; each waiter at most once. */
  readonly #waiting = new Set<Waiter>()

  constructor(count: number) {
    assert.ok(Number.isInteger(count) && count > 0, `the number of concurrent runs must be a positive integer, got ${count}`)
    this.#free = count
  }

  /** Grants a slot, at once where one is free. */
  request(waiter: Waiter): void {
    assert.ok(!this.#waiting.has(waiter), 'who waits for a slot cannot ask for a second one')
    if (this.#free === 0) {
      this.#waiting.add(waiter)
      return
    }
    this.#free--
    waiter.granted()
  }

  /** Leaves the line. */
  withdraw(waiter: Waiter): void {
    assert.ok(this.#waiting.delete(waiter), 'only who waits for a slot can withdraw')
  }

  /** Gives a slot back. */
  release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next.granted()
  }
}
