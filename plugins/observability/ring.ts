/** State of a source at one moment. */
export interface Sample {
  /** Epoch milliseconds. */
  readonly ts: number
  readonly stateCode: number
  readonly healthCode: number
  /** Since the sample before. */
  readonly errorCount: number
  /** Since the sample before. */
  readonly restartCount: number
}

/** Bytes of one sample. */
export const SAMPLE_BYTES = 8 + 1 + 1 + 2 + 2
const MAX_COUNT = 65_535

/** State of a bucket that holds several: the first of these that occurred. Failed, stopped, starting, running, unknown. */
const STATES = [4, 1, 2, 3, 0]
/** Unhealthy, healthy, none. */
const HEALTH = [1, 2, 0]

/** The newest samples of one source, the oldest making way. Its memory is taken when it is made. */
export class Ring {
  readonly #ts: Float64Array
  readonly #state: Uint8Array
  readonly #health: Uint8Array
  readonly #errors: Uint16Array
  readonly #restarts: Uint16Array
  /** Samples so far. */
  #count = 0

  constructor(capacity: number) {
    this.#ts = new Float64Array(capacity)
    this.#state = new Uint8Array(capacity)
    this.#health = new Uint8Array(capacity)
    this.#errors = new Uint16Array(capacity)
    this.#restarts = new Uint16Array(capacity)
  }

  get capacity(): number {
    return this.#ts.length
  }

  get last(): Sample | undefined {
    return this.#count === 0 ? undefined : this.#at(this.#count - 1)
  }

  add({ ts, stateCode, healthCode, errorCount, restartCount }: Sample): void {
    const at = this.#count++ % this.capacity
    this.#ts[at] = ts
    this.#state[at] = stateCode
    this.#health[at] = healthCode
    this.#errors[at] = Math.min(errorCount, MAX_COUNT)
    this.#restarts[at] = Math.min(restartCount, MAX_COUNT)
  }

  /** The same samples in a ring of another size, as many as fit. */
  resized(capacity: number): Ring {
    const ring = new Ring(capacity)
    for (let n = this.#first(); n < this.#count; n++) ring.add(this.#at(n))
    return ring
  }

  /**
   * One sample for each `bucketMs` from which there are any, in the order of time: its `ts` is where the bucket begins, its state and health
   * the worst that was seen in it, its counts the sums.
   */
  buckets(from: number, to: number, bucketMs: number): Sample[] {
    const buckets = new Map<number, Sample>()
    for (let n = this.#first(); n < this.#count; n++) {
      const ts = this.#ts[n % this.capacity]!
      if (ts < from || ts > to) continue
      const start = Math.floor(ts / bucketMs) * bucketMs
      const sample = this.#at(n)
      const bucket = buckets.get(start)
      buckets.set(start, bucket ? merged(bucket, sample) : { ...sample, ts: start })
    }
    // A clock that was set back has put them in another order.
    return [...buckets.values()].sort((one, other) => one.ts - other.ts)
  }

  #first(): number {
    return Math.max(0, this.#count - this.capacity)
  }

  #at(n: number): Sample {
    const at = n % this.capacity
    return {
      ts: this.#ts[at]!,
      stateCode: this.#state[at]!,
      healthCode: this.#health[at]!,
      errorCount: this.#errors[at]!,
      restartCount: this.#restarts[at]!
    }
  }
}

function merged(bucket: Sample, sample: Sample): Sample {
  return {
    ts: bucket.ts,
    stateCode: worse(STATES, bucket.stateCode, sample.stateCode),
    healthCode: worse(HEALTH, bucket.healthCode, sample.healthCode),
    errorCount: bucket.errorCount + sample.errorCount,
    restartCount: bucket.restartCount + sample.restartCount
  }
}

function worse(order: readonly number[], one: number, other: number): number {
  return order.indexOf(one) <= order.indexOf(other) ? one : other
}
