import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { LaneEnd } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { Lanes } from '../../lanes/lanes.ts'
import type { LaneWatch, Payload } from '../lanes/index.ts'
import { SECONDS } from './calls.ts'

/** Messages, and work such as `tools.execute`, in their lanes. A session is never a label: anybody can make one. */
export function measuredLanes(
  registry: Registry,
  lanes: Pick<Lanes<Payload, unknown>, 'size' | 'waiting' | 'ids' | 'snapshot'>,
  now: () => number = Date.now
): LaneWatch {
  const registers = [registry]
  new Gauge({
    name: 'flynn_lanes_busy',
    help: 'Lanes that have anything to do',
    registers,
    collect() {
      this.set(lanes.size)
    }
  })
  new Gauge({
    name: 'flynn_lanes_waiting',
    help: 'Messages that wait, in all lanes together',
    registers,
    collect() {
      this.set(lanes.waiting)
    }
  })
  new Gauge({
    name: 'flynn_lanes_max_depth',
    help: 'Messages that wait in the lane in which most do',
    registers,
    collect() {
      this.set(lanes.ids().reduce((most, id) => Math.max(most, lanes.snapshot(id).depth), 0))
    }
  })
  const wait = new Histogram({
    name: 'flynn_lane_wait_seconds',
    help: 'From the acceptance of a message to the turn that takes it up',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers
  })
  const run = new Histogram({
    name: 'flynn_lane_run_seconds',
    help: 'How long turns took, pauses for a person included',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers
  })
  const outcomes = new Counter({
    name: 'flynn_lane_outcomes_total',
    help: 'How messages ended: completed, collected, steered, failed, or what the lane did to them',
    labelNames: ['kind', 'outcome'],
    registers
  })
  /** When each turn in progress began. */
  const begun = new Map<string, number>()
  return {
    claimed(messages, turnId) {
      const at = now()
      if (!begun.has(turnId)) begun.set(turnId, at)
      // A clock that was set back is no reason for less than nothing.
      for (const { payload, acceptedAt } of messages) wait.observe({ kind: payload.kind }, Math.max(0, at - acceptedAt) / 1000)
    },
    ended(ends, turnId) {
      for (const end of ends) outcomes.inc({ kind: end.message.payload.kind, outcome: outcomeOf(end) })
      const since = turnId === undefined ? undefined : begun.get(turnId)
      if (turnId === undefined || since === undefined) return
      begun.delete(turnId)
      const [first] = ends
      if (first) run.observe({ kind: first.message.payload.kind }, Math.max(0, now() - since) / 1000)
    }
  }
}

function outcomeOf(end: LaneEnd<Payload, unknown>): string {
  if ('outcome' in end) return end.outcome.how
  return end.error instanceof LaneError ? end.error.code : 'failed'
}
