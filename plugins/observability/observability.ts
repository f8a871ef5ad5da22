import type { Static } from '@sinclair/typebox'
import { invalidParams, type RpcError } from '../../rpc/errors.ts'
import type { LogRequest, Logs } from './logs.ts'
import type { Sampler } from './sampler.ts'
import type { Series, ServiceLog, SourceRow } from './schema.ts'
import type { Source } from './sources.ts'

/** Points of one answer: about 2 MB. */
const MAX_POINTS = 20_000

export interface SeriesQuery {
  readonly windowMinutes: number
  readonly bucketSeconds: number
  /** Absent: all. */
  readonly sourceIds?: readonly string[] | undefined
}

interface Surroundings {
  /** All sources as they were a moment ago. */
  readonly look: () => Promise<readonly Source[]>
  readonly sampler: Sampler
  readonly logs: Logs
  readonly now?: () => number
}

/** State, history and logs of the gateway and of the services beside it. */
export class Observability {
  readonly #look: Surroundings['look']
  readonly #sampler: Sampler
  readonly #logs: Logs
  readonly #now: () => number

  constructor({ look, sampler, logs, now = Date.now }: Surroundings) {
    this.#look = look
    this.#sampler = sampler
    this.#logs = logs
    this.#now = now
  }

  /** Looks once, and keeps what it saw as seen at that time; it does so by itself as well. */
  async sample(at?: number): Promise<void> {
    await this.#sampler.sample(at)
  }

  async sources(): Promise<Static<typeof SourceRow>[]> {
    return (await this.#look()).map(({ id, name, kind, runtime, status, log, problem }) => ({
      id,
      name,
      kind,
      runtime,
      status,
      graphCapable: true,
      logCapable: log !== undefined,
      ...(problem === undefined ? {} : { problem })
    }))
  }

  /** @throws RpcError InvalidRequest for a source that is not known, and for more points than an answer may have */
  async series({ windowMinutes, bucketSeconds, sourceIds }: SeriesQuery): Promise<Static<typeof Series>> {
    const present = (await this.#look()).map(({ id }) => id)
    const known = new Set([...present, ...this.#sampler.ids()])
    const wanted = [...new Set(sourceIds ?? known)]
    const unknown = wanted.findIndex((id) => !known.has(id))
    if (unknown >= 0) throw noSource(`params.sourceIds[${sourceIds!.indexOf(wanted[unknown]!)}]`, known)
    const seconds = windowMinutes * 60
    if (wanted.length * Math.ceil(seconds / bucketSeconds) > MAX_POINTS) {
      const least = Math.ceil(seconds / Math.floor(MAX_POINTS / wanted.length))
      const message = `must be at least ${least} for ${windowMinutes} minutes of ${wanted.length} sources: an answer has at most ${MAX_POINTS} points`
      throw invalidParams([{ path: 'params.bucketSeconds', message }])
    }
    const now = this.#now()
    const bucketMs = bucketSeconds * 1000
    // Whole buckets: the first one is not to look emptier than it was.
    const from = Math.floor((now - seconds * 1000) / bucketMs) * bucketMs
    const series = wanted.map((id) => ({ sourceId: id, points: this.#sampler.points(id, from, now, bucketMs) }))
    return { generatedAt: now, windowMinutes, bucketSeconds, series }
  }

  /** @throws RpcError InvalidRequest for a source that is not known; AgentBusy when too many logs are being read */
  async serviceLog(sourceId: string, request: LogRequest): Promise<Static<typeof ServiceLog>> {
    const sources = await this.#look()
    const source = sources.find(({ id }) => id === sourceId)
    if (!source) throw noSource('params.sourceId', new Set(sources.map(({ id }) => id)))
    return await this.#logs.read(source, request)
  }
}

function noSource(path: string, known: ReadonlySet<string>): RpcError {
  const message = `is not known; there are: ${[...known].slice(0, 20).join(', ')}${known.size > 20 ? ', …' : ''}`
  return invalidParams([{ path, message }])
}
