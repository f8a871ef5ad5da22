import { useEffect, useRef, useState } from 'preact/hooks'
import type { CallPart, ReasoningPart, TurnState } from '../../rpc/client/model/turn.ts'
import { Shape } from '../ui/chip.tsx'
import { duration, revealed } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { memo } from '../ui/memo.ts'
import { Copy } from '../ui/text.tsx'
import {
  type CallTime,
  type CallTimes,
  elapsed,
  kindOf,
  STATUS,
  spelled,
  statusOf,
  subject,
  summary,
  worst
} from './call-words.ts'
import { Confirmation } from './confirmation.tsx'
import { Reasoning } from './reasoning.tsx'
import type { TurnActions } from './turn-actions.ts'

export interface WorkProps {
  /** Calls, and thoughts between them. */
  readonly parts: readonly (CallPart | ReasoningPart)[]
  readonly state: TurnState
  readonly actions: TurnActions
  readonly times: CallTimes | undefined
  /** Asks for the times of the run. */
  readonly onOpen: () => void
}

/** Work of the agent between two texts: "6 reads, 1 command · 3.2 s", which opens to one row each. */
export function Work({ parts, state, actions, times, onOpen }: WorkProps) {
  const calls = parts.filter((part) => part.kind === 'call')
  const asks = calls.some(({ confirm }) => confirm)
  const details = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    // A question has to be seen. Afterwards the group stays as the person left it.
    if (asks && details.current) details.current.open = true
  }, [asks])
  const rows = parts.map((part, at) =>
    part.kind === 'call' ? (
      <Call key={part.callId} call={part} state={state} actions={actions} time={times?.get(part.callId)} />
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: a part stays where it is
      <Reasoning key={at} part={part} thinking={state === 'working' && at === parts.length - 1} />
    )
  )
  if (calls.length < 2) return <div class="chat-work">{rows}</div>
  const statuses = calls.map((call) => statusOf(call, state, times?.get(call.callId)))
  const { tone, word } = STATUS[worst(statuses)]
  const failed = statuses.filter((status) => status === 'failed').length
  const took = elapsed(calls, times)
  return (
    <details class="chat-work chat-group" ref={details} onToggle={(event) => event.currentTarget.open && onOpen()}>
      <summary>
        <span>{summary(calls)}</span>
        {took && <span class="muted">{took}</span>}
        <span class="chip">
          <Shape tone={tone} /> {failed > 0 ? `${failed} failed` : word}
        </span>
      </summary>
      {rows}
    </details>
  )
}

interface CallProps {
  readonly call: CallPart
  readonly state: TurnState
  readonly actions: TurnActions
  readonly time: CallTime | undefined
}

const Call = memo(function Call({ call, state, actions, time }: CallProps) {
  const { tool, args, confirm, result } = call
  const [over, setOver] = useState({ words: '', refused: false })
  const details = useRef<HTMLDetailsElement>(null)
  const [open, setOpen] = useState(false)
  const asked = useRef(false)
  asked.current ||= confirm !== undefined
  useEffect(() => {
    if (confirm && details.current) details.current.open = true
  }, [confirm])
  const status = statusOf(call, state, time)
  const { tone, word } = STATUS[status]
  const refused = status === 'failed' && over.refused
  const note =
    over.words ||
    (asked.current && !confirm ? (status === 'ok' ? 'Allowed elsewhere.' : 'Answered elsewhere, or its time was over.') : '')
  return (
    <details class="chat-call" ref={details} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Icon path={kindOf(tool).icon} />
        <code>{revealed(tool)}</code>
        <span class="chat-subject" dir="auto">
          {subject(args)}
        </span>
        {time?.to !== undefined && <span class="muted">{duration(time.to - time.from)}</span>}
        <span class="chip">
          <Shape tone={tone} /> {refused ? 'refused' : word}
        </span>
      </summary>
      {(open || confirm) && (
        <div class="chat-body">
          <Output title="Arguments" text={spelled(args)} copy={() => JSON.stringify(args, null, 2)} />
          {confirm && (
            <Confirmation
              key={confirm.callId}
              tool={tool}
              confirm={confirm}
              actions={actions}
              onOver={(words, refused) => setOver({ words, refused })}
            />
          )}
          {result?.error && <Output title="Error" text={revealed(result.error)} copy={() => result.error ?? ''} />}
          {result && (result.output !== '' || !result.error) && (
            <Output
              title={result.truncated ? 'Result (its beginning)' : 'Result'}
              text={revealed(result.output.replaceAll('\r\n', '\n')) || '(nothing)'}
              copy={() => result.output}
            />
          )}
        </div>
      )}
      {/* Stands before it changes, so that screen readers hear the change. */}
      {asked.current && (
        <p class="muted" role="status">
          {confirm ? '' : note}
        </p>
      )}
    </details>
  )
})

function Output({ title, text, copy }: { readonly title: string; readonly text: string; readonly copy: () => string }) {
  return (
    <section aria-label={title}>
      <p class="chat-title">
        <strong>{title}</strong> <Copy text={copy}>Copy</Copy>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <pre tabIndex={0} dir="auto">
        {text}
      </pre>
    </section>
  )
}
