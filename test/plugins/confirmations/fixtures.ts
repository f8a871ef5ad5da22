import type { Clock } from '../../../lanes/clock.ts'
import { Confirmations } from '../../../plugins/confirmations/confirmations.ts'
import type { Caller, Peer, Scope } from '../../../rpc/define.ts'

/** When everything begins, epoch milliseconds. */
export const START = 1_739_448_000_000

const caller = (id: string, ...scopes: Scope[]): Caller => ({ id, scopes: new Set(scopes) })
export const ANN = caller('token:ann', 'read', 'write')
export const BOB = caller('token:bob', 'read', 'write')
export const OPERATOR = caller('token:op', 'write', 'operate')

/** A connection, as far as callbacks know one; `gone` closes it. */
export function peer(): Peer & { gone(): void } {
  const farewells = new Set<() => void>()
  let closed = false
  return {
    id: 'c1',
    sessionId: 'ws:c1',
    events: new Set(),
    close: () => {},
    onClose: (fn) => (closed ? fn() : void farewells.add(fn)),
    gone() {
      closed = true
      for (const farewell of farewells) farewell()
    }
  }
}

/** Time that passes when the test says so. */
function manual() {
  let now = START
  const timers = new Set<{ readonly at: number; fn(): void }>()
  const clock: Clock = {
    now: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn }
      timers.add(timer)
      return () => void timers.delete(timer)
    }
  }
  return {
    clock,
    timers,
    /** The clock goes on, and no timer has noticed. */
    later(ms: number) {
      now += ms
    },
    /** Time passes, and the timers that are due fire. */
    pass(ms: number) {
      now += ms
      for (const timer of [...timers]) {
        if (timer.at > now || !timers.delete(timer)) continue
        timer.fn()
      }
    }
  }
}

/** Confirmations under a clock of the test, and what the audit log got of them. */
export function rig() {
  const recorded: [event: string, actor: string, detail: Record<string, unknown> | undefined][] = []
  const told: [name: string, detail: unknown][] = []
  const time = manual()
  const confirmations = new Confirmations({
    clock: time.clock,
    hooks: { emit: (name, detail) => void told.push([name, detail]) },
    bus: { subscribe: () => () => {} },
    audit: { record: (event, actor, detail) => void recorded.push([event, actor, detail]) }
  })
  return { confirmations, recorded, told, ...time }
}
