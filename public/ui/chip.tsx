import type { ComponentChildren } from 'preact'
import type { Tone } from './tone.ts'

export type { Tone }

/** Filled circle, half circle, cross, ring: on a grid of 12. */
const SHAPES: Readonly<Record<Tone, string>> = {
  good: 'M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10z',
  wait: 'M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM6 2.5v7a3.5 3.5 0 0 1 0-7z',
  bad: 'M2.5 1l3.5 3.5L9.500 1L11 2.500L7.500 6L11 9.500L9.500 11L6 7.500L2.500 11L1 9.500L4.500 6L1 2.500z',
  idle: 'M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM6 2.500a3.500 3.500 0 1 0 0 7a3.500 3.500 0 1 0 0-7z'
}

/** The shape and colour of a state. The word stands beside it. */
export function Shape({ tone }: { readonly tone: Tone }) {
  return (
    <svg class={`shape ${tone}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
      <path d={SHAPES[tone]} fill-rule="evenodd" />
    </svg>
  )
}

/** A state in a word, with its shape. */
export function Chip({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <span class="chip">
      <Shape tone={tone} /> {children}
    </span>
  )
}

/** Samples of a service, oldest first. A sample without a tone is a gap: nothing was measured. */
export function Strip({ label, samples }: { readonly label: string; readonly samples: readonly (Tone | undefined)[] }) {
  const counts = (tone: Tone | undefined) => samples.filter((one) => one === tone).length
  const text = `${label}: ${counts('good')} good, ${counts('wait')} degraded, ${counts('bad')} bad, ${counts(undefined)} without a sample`
  return (
    <span class="strip" role="img" aria-label={text} title={text}>
      {samples.map((tone, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a sample is its place in time
        <span key={at} class={tone ?? 'gap'}>
          {tone === 'bad' ? '✕' : ''}
        </span>
      ))}
    </span>
  )
}

/** A part of a whole, with its number. */
export function Meter({
  label,
  value,
  max,
  text
}: {
  readonly label: string
  readonly value: number
  readonly max: number
  readonly text: string
}) {
  return (
    <span class="meter">
      <meter aria-label={label} min={0} max={max} high={max * 0.9} value={value} /> <span>{text}</span>
    </span>
  )
}
