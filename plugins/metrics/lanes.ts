import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { LaneEnd } from '../../lanes/driver.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { Lanes } from '../../lanes/lanes.ts'
import type { Hooks } from '../hooks/index.ts'
import type { Payload } from '../lanes/index.ts'
import { SECONDS } from './calls.ts'

/** Messages, and work such as `tools.execute`, in their lanes. A session is never a label: clients make as many as they like. */
export function measureLanes(
  registry: Registry,
  hooks: Pick<Hooks, 'on'>,
  lanes: Pick<Lanes<Payload, unknown>, 'size' | 'waiting' | 'ids' | 'snapshot'>,
  now: () => number = Date.now
): void {
  const registers = [registry]
  new Gauge({
    name: 'flynn_lanes_busy',
    help: 'Lanes that run or hold messages',
    registers,
    collect() {
      this.set(lanes.size)
    }
  })
  new Gauge({
    name: 'flynn_lanes_waiting',
    help: 'Messages that wait in all lanes together',
    registers,
    collect() {
      this.set(lanes.waiting)
    }
  })
  new Gauge({
    name: 'flynn_lanes_max_depth',
    help: 'Messages that wait in the fullest lane',
    registers,
    collect() {
      this.set(lanes.ids().reduce((most, id) => Math.max(most, lanes.snapshot(id).depth), 0))
    }
  })
  const wait = new Histogram({
    name: 'flynn_lane_wait_seconds',
    help: 'Time from the acceptance of a message to the turn that takes it up',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers
  })
  const run = new Histogram({
    name: 'flynn_lane_run_seconds',
    help: 'Duration of turns, including the wait for confirmations',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers
  })
  const outcomes = new Counter({
    name: 'flynn_lane_outcomes_total',
    help: 'Messages by their outcome: completed, collected, steered, failed, or the reason of the lane',
    labelNames: ['kind', 'outcome'],
    registers
  })
  /** Start of each turn in progress, by its id. */
  const begun = new Map<string, number>()
  hooks.on('lane.claimed', ({ messages, turnId }) => {
    const at = now()
    if (!begun.has(turnId)) begun.set(turnId, at)
    // The clock may have been set back: a duration is never negative.
    for (const { payload, acceptedAt } of messages) wait.observe({ kind: payload.kind }, Math.max(0, at - acceptedAt) / 1000)
  })
  hooks.on('lane.ended', ({ ends, turnId }) => {
    for (const end of ends) outcomes.inc({ kind: end.message.payload.kind, outcome: outcomeOf(end) })
    const since = turnId === undefined ? undefined : begun.get(turnId)
    if (turnId === undefined || since === undefined) return
    begun.delete(turnId)
    const [first] = ends
    if (first) run.observe({ kind: first.message.payload.kind }, Math.max(0, now() - since) / 1000)
  })
}

function outcomeOf(end: LaneEnd<Payload, unknown>): string {
  if ('outcome' in end) return end.outcome.how
  return end.error instanceof LaneError ? end.error.code : 'failed'
}
