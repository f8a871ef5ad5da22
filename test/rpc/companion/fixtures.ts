import type { TestContext } from 'node:test'
import { type Companion, type CompanionOptions, type CompanionState, createCompanion } from '../../../rpc/companion/index.ts'
import { build, type TestGateway } from '../../helper.ts'

export const NODES = {
  enabled: true,
  featureGates: { notifications: true, 'clipboard.read': true, 'clipboard.write': true, 'link.open': true },
  location: { enabled: true },
  push: { enabled: true }
}

/** A gateway with nodes. */
export function gateway(t: TestContext, nodes: object = {}): Promise<TestGateway> {
  return build(t, { config: { server: { nodes: { ...NODES, ...nodes } } } })
}

/** A companion named desk, closed after the test. */
export function desk(t: TestContext, options: { readonly url: string } & Partial<CompanionOptions>): Companion {
  const companion = createCompanion({ nodeId: 'desk', autoConnect: true, ...options })
  t.after(() => companion.close())
  return companion
}

/** Resolves with the first state of that name, the present one included. */
export function reached<N extends CompanionState['name']>(
  companion: Companion,
  name: N
): Promise<Extract<CompanionState, { name: N }>> {
  return new Promise((resolve) => {
    const look = (state: CompanionState): void => {
      if (state.name !== name) return
      remove()
      resolve(state as Extract<CompanionState, { name: N }>)
    }
    const remove = companion.onState(look)
    look(companion.state)
  })
}

/** Time that a test moves. Timers run when `pass` reaches them. */
export class TestClock {
  time = 1_700_000_000_000
  readonly #timers = new Map<number, { readonly at: number; readonly run: () => void }>()
  #last = 0

  now = (): number => this.time
  random = (): number => 0

  setTimeout = (run: () => void, ms: number): unknown => {
    this.#timers.set(++this.#last, { at: this.time + ms, run })
    return this.#last
  }

  clearTimeout = (timer: unknown): void => {
    this.#timers.delete(timer as number)
  }

  /** Delays of the timers that are set, shortest first. */
  get delays(): number[] {
    return [...this.#timers.values()].map(({ at }) => at - this.time).sort((one, other) => one - other)
  }

  /** Moves the time, and lets what became due come to its end. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms
    await settled()
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at)
      if (!next) break
      this.#timers.delete(next[0])
      this.time = Math.max(this.time, next[1].at)
      next[1].run()
      await settled()
    }
    this.time = end
  }
}

/** Promises that wait for nothing but each other are settled then. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
