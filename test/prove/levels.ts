/** A figure of the gateway over time, and the rise that is noise. */
export interface Level {
  readonly name: string
  readonly unit: string
  readonly samples: readonly number[]
  /** A rise below this is noise. In `unit`. */
  readonly noise: number
}

const PARTS = 4

/**
 * Medians of four equal parts of the samples. A level keeps rising when each part is above the one before and the last is above the first
 * by more than the noise. A level that jumps once, or swings, does not.
 */
export function judge({ samples, noise }: Pick<Level, 'samples' | 'noise'>): { medians: number[]; keepsRising: boolean } {
  if (samples.length < PARTS) throw new Error(`at least ${PARTS} samples are needed, got ${samples.length}`)
  const size = samples.length / PARTS
  const medians = Array.from({ length: PARTS }, (_, part) =>
    median(samples.slice(Math.round(part * size), Math.round((part + 1) * size)))
  )
  const always = medians.every((value, part) => part === 0 || value > medians[part - 1]!)
  return { medians, keepsRising: always && medians.at(-1)! - medians[0]! > noise }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) / 2)]!
}
