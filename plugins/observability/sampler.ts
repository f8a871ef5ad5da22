import { Ring, type Sample } from './ring.ts'
import { HEALTH, type Source, STATE } from './sources.ts'

/** Sources that are kept: the gateway's own, two backends and a compose file are far fewer. */
export const MAX_SOURCES = 200

export interface SamplerOptions {
  /** All sources as they are now, in a fixed order. May take seconds; what it throws is a gap. */
  readonly look: () => Promise<readonly Source[]>
  /** In milliseconds, as they are when asked. */
  readonly times: () => { readonly sampleMs: number; readonly retentionMs: number }
  readonly failed: (error: unknown) => void
  readonly now?: () => number
}

interface Kept {
  ring: Ring
  before: Source
}

/**
 * Looks at all sources again and again, and keeps what it saw. What could not be looked at has no sample: nothing is made up for the
 * time in between.
 */
export class Sampler {
  readonly #options: SamplerOptions
  readonly #now: () => number
  readonly #kept = new Map<string, Kept>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SamplerOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** The first look comes after the first interval: a gateway that starts has other things to do. */
  start(): void {
    this.#timer = setTimeout(() => {
      // One look at a time: one that takes longer than the interval leaves a gap.
      void this.sample().finally(() => this.#closed || this.start())
    }, this.#options.times().sampleMs)
    this.#timer.unref()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Looks once. `at`: the time that it is kept under; absent: when it was over. Never rejected. */
  async sample(at?: number): Promise<void> {
    try {
      const sources = await this.#options.look()
      if (this.#closed) return
      this.#forget(sources)
      const ts = at ?? this.#now()
      for (const source of sources) this.#keep(source, ts)
    } catch (error) {
      this.#options.failed(error)
    }
  }

  /** Tells if anything is kept of the source. */
  has(id: string): boolean {
    return this.#kept.has(id)
  }

  ids(): string[] {
    return [...this.#kept.keys()]
  }

  /** The points of one source; none where nothing is kept of it. */
  points(id: string, from: number, to: number, bucketMs: number): Sample[] {
    return this.#kept.get(id)?.ring.buckets(from, to, bucketMs) ?? []
  }

  #keep(source: Source, ts: number): void {
    const { sampleMs, retentionMs } = this.#options.times()
    const capacity = Math.ceil(retentionMs / sampleMs)
    let kept = this.#kept.get(source.id)
    if (!kept) {
      if (this.#kept.size >= MAX_SOURCES) return
      kept = { ring: new Ring(capacity), before: source }
      this.#kept.set(source.id, kept)
    }
    if (kept.ring.capacity !== capacity) kept.ring = kept.ring.resized(capacity)
    const { stateCode, healthCode } = source
    const [errorCount, restartCount] = [errorsSince(kept.before, source), restartsSince(kept.before, source)]
    kept.ring.add({ ts, stateCode, healthCode, errorCount, restartCount })
    kept.before = source
  }

  /** A source that is gone is kept while its samples are. When room runs out, present sources come first. */
  #forget(sources: readonly Source[]): void {
    const there = new Set(sources.map(({ id }) => id))
    const gone = [...this.#kept].filter(([id]) => !there.has(id))
    const oldest = this.#now() - this.#options.times().retentionMs
    let excess = this.#kept.size - gone.length + [...there].filter((id) => !this.#kept.has(id)).length + gone.length - MAX_SOURCES
    for (const [id, { ring }] of gone.sort(([, one], [, other]) => one.ring.last!.ts - other.ring.last!.ts)) {
      if (ring.last!.ts >= oldest && excess <= 0) continue
      this.#kept.delete(id)
      excess--
    }
  }
}

/** Its own count; else 1 for a source that has failed or become unhealthy. */
function errorsSince(before: Source, now: Source): number {
  if (now.errors !== undefined) return Math.max(0, now.errors - (before.errors ?? now.errors))
  const failed = now.stateCode === STATE.failed && before.stateCode !== STATE.failed
  const sick = now.healthCode === HEALTH.unhealthy && before.healthCode !== HEALTH.unhealthy
  return Number(failed) + Number(sick)
}

/** Its own count; else the change from one run to another. */
function restartsSince(before: Source, now: Source): number {
  const counted = Math.max(0, (now.restarts ?? 0) - (before.restarts ?? now.restarts ?? 0))
  if (counted > 0) return counted
  if (before.run === undefined || now.run === undefined) return 0
  const younger = now.upSeconds !== undefined && before.upSeconds !== undefined && now.upSeconds < before.upSeconds
  return Number(before.run !== now.run || younger)
}
