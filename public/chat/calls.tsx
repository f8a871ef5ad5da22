import { useCallback, useEffect, useId, useRef, useState } from 'preact/hooks'
import type { CallPart, ReasoningPart, TurnState } from '../../rpc/client/model/turn.ts'
import { Shape } from '../ui/chip.tsx'
import { count, duration, revealed } from '../ui/format.ts'
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

/** Work of the agent between two texts: a row for each call, which several calls fold into "6 reads, 1 command · 3.2 s". */
export function Work({ parts, state, actions, times, onOpen }: WorkProps) {
  const calls = parts.filter((part) => part.kind === 'call')
  const asks = calls.some(({ confirm }) => confirm)
  const [chosen, setChosen] = useState<boolean>()
  // A question has to be seen. Afterwards the rows stay as they are, until the person folds them.
  const shown = useRef(false)
  shown.current = asks || (chosen ?? shown.current)
  const folds = calls.length > 1
  const id = useId()
  const opened = useCallback(() => {
    setChosen((chosen) => chosen ?? true)
    onOpen()
  }, [onOpen])
  const toggle = (): void => {
    setChosen(!shown.current)
    if (!shown.current) onOpen()
  }
  return (
    <div class="chat-work">
      {folds && (
        <button type="button" class="chat-fold chat-row" aria-expanded={shown.current} aria-controls={id} onClick={toggle}>
          <Summary calls={calls} state={state} times={times} />
        </button>
      )}
      <div id={id} class="chat-rows" hidden={folds && !shown.current}>
        {parts.map((part, at) =>
          part.kind === 'call' ? (
            <Call key={part.callId} call={part} state={state} actions={actions} time={times?.get(part.callId)} onOpen={opened} />
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: a part stays where it is
            <Reasoning key={at} part={part} thinking={state === 'working' && at === parts.length - 1} />
          )
        )}
      </div>
    </div>
  )
}

function Summary({ calls, state, times }: Pick<WorkProps, 'state' | 'times'> & { readonly calls: readonly CallPart[] }) {
  const statuses = calls.map((call) => statusOf(call, state, times?.get(call.callId)))
  const all = worst(statuses)
  const failed = statuses.filter((status) => status === 'failed').length
  const took = elapsed(calls, times)
  const current = calls.find((_, at) => statuses[at] === 'running')
  return (
    <>
      <span>{summary(calls)}</span>
      {took && <span class="muted">{took}</span>}
      {current && (
        <span class="chat-subject" dir="auto">
          {revealed(current.tool)} {subject(current.args)}
        </span>
      )}
      <span class="chip">
        <Shape tone={STATUS[all].tone} /> {all === 'failed' ? `${failed} failed` : STATUS[all].word}
      </span>
    </>
  )
}

interface CallProps {
  readonly call: CallPart
  readonly state: TurnState
  readonly actions: TurnActions
  readonly time: CallTime | undefined
  readonly onOpen: () => void
}

const Call = memo(function Call({ call, state, actions, time, onOpen }: CallProps) {
  const { tool, args, confirm, result } = call
  const [over, setOver] = useState({ words: '', refused: false })
  const details = useRef<HTMLDetailsElement>(null)
  const [open, setOpen] = useState(false)
  const asked = useRef(false)
  asked.current ||= confirm !== undefined
  useEffect(() => {
    if (confirm && details.current) details.current.open = true
  }, [confirm])
  const toggled = (event: { readonly currentTarget: HTMLDetailsElement }): void => {
    setOpen(event.currentTarget.open)
    if (event.currentTarget.open) onOpen()
  }
  const status = statusOf(call, state, time)
  const { tone, word } = STATUS[status]
  const refused = status === 'failed' && over.refused
  const note =
    over.words ||
    (asked.current && !confirm ? (status === 'ok' ? 'Allowed elsewhere.' : 'Answered elsewhere, or its time was over.') : '')
  return (
    <details class="chat-call" ref={details} onToggle={toggled}>
      <summary class="chat-row">
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
          {result?.error && <Output title="Error" text={shortened(result.error)} copy={() => result.error ?? ''} />}
          {result && (result.output !== '' || !result.error) && (
            <Output
              title={result.truncated ? 'Result (its beginning)' : 'Result'}
              text={shortened(result.output) || '(nothing)'}
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

/** Longer results would take long to lay out; their copy is whole. */
const SHOWN_CHARACTERS = 50_000

function shortened(text: string): string {
  const shown = revealed(text.slice(0, SHOWN_CHARACTERS).replaceAll('\r\n', '\n'))
  const more = text.length - SHOWN_CHARACTERS
  return more > 0 ? `${shown}\n… ${count(more)} more characters, which Copy has too` : shown
}

function Output({ title, text, copy }: { readonly title: string; readonly text: string; readonly copy: () => string }) {
  return (
    <div>
      <p class="chat-title">
        <strong>{title}</strong> <Copy text={copy}>Copy</Copy>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <pre tabIndex={0} dir="auto">
        {text}
      </pre>
    </div>
  )
}
