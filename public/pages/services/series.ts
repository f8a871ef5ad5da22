import type { GatewayMethods } from '../../../rpc/client/index.ts'
import type { Tone } from '../../ui/tone.ts'

export type Source = GatewayMethods['system.observabilitySources']['result']['sources'][number]
export type Series = GatewayMethods['system.observabilitySeries']['result']
export type Point = Series['series'][number]['points'][number]

/** Words of `stateCode`. */
export const STATES = ['unknown', 'stopped', 'starting', 'running', 'failed'] as const
/** Words of `healthCode`. */
export const HEALTHS = ['none', 'unhealthy', 'healthy'] as const

const TONES: Readonly<Record<string, Tone>> = { running: 'good', starting: 'wait', failed: 'bad', stopped: 'idle' }

/** Tone of a state as `system.observabilitySources` names it. */
export function stateTone(status: string): Tone {
  return TONES[status] ?? 'idle'
}

/** Tone of one point: errors and restarts degrade a service that runs. */
export function pointTone({ stateCode, healthCode, errorCount, restartCount }: Point): Tone {
  if (stateCode === 4 || healthCode === 1) return 'bad'
  if (stateCode === 2 || errorCount > 0 || restartCount > 0) return 'wait'
  return stateCode === 3 ? 'good' : 'idle'
}

/** One entry for each bucket of the window, oldest first; undefined for a bucket without a sample. */
export function buckets({ series, generatedAt, windowMinutes, bucketSeconds }: Series, sourceId: string): (Point | undefined)[] {
  const size = bucketSeconds * 1000
  const last = Math.floor(generatedAt / size)
  const count = Math.max(1, Math.ceil((windowMinutes * 60) / bucketSeconds))
  const found = new Map<number, Point>()
  for (const point of series.find((one) => one.sourceId === sourceId)?.points ?? []) found.set(Math.floor(point.ts / size), point)
  return Array.from({ length: count }, (_, at) => found.get(last - count + 1 + at))
}
