/** Seconds between two samples. */
export const SAMPLE_SECONDS = 15
/** Samples of 24 hours: about 1 MB. */
export const MAX_SAMPLES = (24 * 60 * 60) / SAMPLE_SECONDS
/** Durations that one sample looks at. Beyond it every further one takes the place of an earlier one. */
const MAX_DURATIONS = 1000

/** The work of one interval. */
export interface Sample {
  /** End of the interval, epoch milliseconds. */
  readonly ts: number
  readonly calls: number
  readonly errors: number
  /** 95 of 100 calls took no longer; null without calls. */
  readonly p95Ms: number | null
  readonly modelCalls: number
  readonly modelErrors: number
  readonly modelP95Ms: number | null
  readonly inputTokens: number
  readonly outputTokens: number
  /** Lanes with a run, at the end of the interval. */
  readonly running: number
  /** Waiting messages, at the end of the interval. */
  readonly waiting: number
  /** Longest delay of the event loop. */
  readonly loopMs: number
}

/** State of the gateway that a sample takes a look at. */
export type Look = () => Pick<Sample, 'running' | 'waiting' | 'loopMs'>

/** Durations of one interval, in milliseconds. */
class Durations {
  #values: number[] = []
  #count = 0

  add(ms: number): void {
    if (this.#values.length < MAX_DURATIONS) this.#values.push(ms)
    else this.#values[this.#count % MAX_DURATIONS] = ms
    this.#count++
  }

  /** Its number and its 95th percentile, from which it begins anew. */
  take(): { readonly count: number; readonly p95Ms: number | null } {
    const sorted = this.#values.sort((one, other) => one - other)
    const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1]
    const taken = { count: this.#count, p95Ms: p95 === undefined ? null : Math.round(p95 * 10) / 10 }
    this.#values = []
    this.#count = 0
    return taken
  }
}

/** Calls, model calls and load of the last 24 hours, in memory. */
export class Series {
  readonly #look: Look
  readonly #calls = new Durations()
  readonly #models = new Durations()
  #errors = 0
  #modelErrors = 0
  #inputTokens = 0
  #outputTokens = 0
  /** Oldest first. */
  #samples: Sample[] = []

  constructor(look: Look) {
    this.#look = look
  }

  called(ms: number, failed: boolean): void {
    this.#calls.add(ms)
    if (failed) this.#errors++
  }

  asked(ms: number, failed: boolean): void {
    this.#models.add(ms)
    if (failed) this.#modelErrors++
  }

  used(tokens: { readonly inputTokens: number; readonly outputTokens: number }): void {
    this.#inputTokens += tokens.inputTokens
    this.#outputTokens += tokens.outputTokens
  }

  /** Ends the current interval. */
  sample(ts: number): void {
    const [calls, models] = [this.#calls.take(), this.#models.take()]
    this.#samples.push({
      ts,
      calls: calls.count,
      errors: this.#errors,
      p95Ms: calls.p95Ms,
      modelCalls: models.count,
      modelErrors: this.#modelErrors,
      modelP95Ms: models.p95Ms,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      ...this.#look()
    })
    this.#errors = this.#modelErrors = this.#inputTokens = this.#outputTokens = 0
    // Now and then, and not with every sample.
    if (this.#samples.length >= 2 * MAX_SAMPLES) this.#samples = this.#samples.slice(-MAX_SAMPLES)
  }

  /** Samples after `since`, joined to buckets. A bucket without a sample is missing: nothing is known of it. */
  points({ since, bucketMs }: { readonly since: number; readonly bucketMs: number }): Sample[] {
    const recent = this.#samples.slice(-MAX_SAMPLES).filter(({ ts }) => ts > since)
    return [...Map.groupBy(recent, ({ ts }) => Math.floor(ts / bucketMs))].map(([bucket, samples]) =>
      joined(bucket * bucketMs, samples)
    )
  }
}

/** One bucket of several samples: sums of the counts, and the worst of the rest. */
function joined(ts: number, samples: readonly Sample[]): Sample {
  const sum = (field: 'calls' | 'errors' | 'modelCalls' | 'modelErrors' | 'inputTokens' | 'outputTokens'): number =>
    samples.reduce((total, sample) => total + sample[field], 0)
  const worst = (field: 'p95Ms' | 'modelP95Ms'): number | null => {
    const known = samples.flatMap((sample) => sample[field] ?? [])
    return known.length === 0 ? null : Math.max(...known)
  }
  const most = (field: 'running' | 'waiting' | 'loopMs'): number => Math.max(...samples.map((sample) => sample[field]))
  return {
    ts,
    calls: sum('calls'),
    errors: sum('errors'),
    p95Ms: worst('p95Ms'),
    modelCalls: sum('modelCalls'),
    modelErrors: sum('modelErrors'),
    modelP95Ms: worst('modelP95Ms'),
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    running: most('running'),
    waiting: most('waiting'),
    loopMs: most('loopMs')
  }
}
