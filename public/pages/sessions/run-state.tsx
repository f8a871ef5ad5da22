import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { Chip, type Tone } from '../../ui/chip.tsx'
import { revealed } from '../../ui/format.ts'

export type Run = GatewayMethods['runs.list']['result']['runs'][number]

const TONES: Readonly<Record<Run['status'], Tone>> = {
  running: 'wait',
  completed: 'good',
  failed: 'bad',
  cancelled: 'idle',
  interrupted: 'bad'
}

/** Outcome of a run, with its reason. */
export function RunState({ run: { status, error, reason } }: { readonly run: Run }) {
  const why = reason ?? error?.message
  return (
    <>
      <Chip tone={TONES[status]}>{status}</Chip>
      {why && <div class="muted">{revealed(why)}</div>}
    </>
  )
}
