import { useRef } from 'preact/hooks'
import type { ReasoningPart } from '../../rpc/client/model/turn.ts'
import { duration } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { memo } from '../ui/memo.ts'
import { readable } from './text-safety.ts'

/** Thoughts that are longer at first sight began before. */
const BEGINNING_CHARACTERS = 400

/** Thoughts of the model, folded. Their time is known when they were seen from the beginning. */
export const Reasoning = memo(function Reasoning({
  part,
  thinking
}: {
  readonly part: ReasoningPart
  readonly thinking: boolean
}) {
  const from = useRef(thinking && part.text.length < BEGINNING_CHARACTERS ? Date.now() : undefined)
  const ms = useRef<number>(undefined)
  if (!thinking && from.current !== undefined) ms.current ??= Date.now() - from.current
  return (
    <details class="chat-call chat-reasoning">
      <summary class="chat-row">
        <Icon path="M9 18h6M10 21h4M12 3a6 6 0 0 0-3 11v1h6v-1a6 6 0 0 0-3-11z" />
        {thinking ? 'Thinking' : ms.current === undefined ? 'Thoughts' : `Thought for ${duration(ms.current)}`}
      </summary>
      <p class="chat-written" dir="auto">
        {readable(part.text)}
      </p>
    </details>
  )
})
