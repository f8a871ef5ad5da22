import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { CallPart } from '../../rpc/client/model/turn.ts'
import { type Announced, announcedBy, announcement, secondsLeft, timeLeft } from './confirm-words.ts'
import type { TurnActions } from './turn-actions.ts'

export interface ConfirmationProps {
  readonly tool: string
  readonly confirm: NonNullable<CallPart['confirm']>
  readonly actions: TurnActions
  /** Outcome, for the row that stays when the question is gone. */
  readonly onOver: (words: string, refused: boolean) => void
}

/** The question that asks a person to allow a tool. It takes no focus. It is gone when it was answered, here or elsewhere. */
export function Confirmation({ tool, confirm, actions, onOver }: ConfirmationProps) {
  const { callId, expiresAt } = confirm
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const seconds = useSeconds(() => secondsLeft(expiresAt, actions.now()))
  const said = useAnnouncement(tool, seconds)
  const answer = async (approve: boolean): Promise<void> => {
    if (busy) return
    setBusy(true)
    setProblem('')
    try {
      const why = reason.trim()
      await (approve || why === '' ? actions.confirm(callId, approve) : actions.confirm(callId, approve, why))
      onOver(approve ? 'Allowed.' : 'Refused.', !approve)
    } catch (error) {
      // It may be gone: then these words stay in the row.
      const { message } = error as Error
      setProblem(message)
      onOver(`Not answered here: ${message}`, false)
    }
    setBusy(false)
  }
  // The second click of a double click was meant for what stood here before: this question was not read yet.
  const onClick = (approve: boolean) => (event: MouseEvent) => void (event.detail > 1 || answer(approve))
  const over = seconds === 0
  const box = useFocusKept(over)
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as a row in all browsers
    <div ref={box} class="chat-confirm" role="group" aria-label={`Confirm ${tool}`} data-confirm={over ? undefined : callId}>
      {over ? (
        <p>The time to answer is over.</p>
      ) : actions.canConfirm ? (
        <>
          <p>The agent waits: may this run, exactly as it stands here?</p>
          <label>
            Reason of a refusal, told to the model
            <input value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          <p class="chat-choice">
            <button type="button" class="primary" data-approve="true" aria-disabled={busy} onClick={onClick(true)}>
              Allow
            </button>
            <button type="button" class="danger" data-approve="false" aria-disabled={busy} onClick={onClick(false)}>
              Refuse
            </button>
            <span role="timer">{timeLeft(seconds)}</span>
            <span class="muted chat-keys">
              <kbd>Ctrl Alt Enter</kbd> allows, <kbd>Ctrl Alt Backspace</kbd> refuses
            </span>
          </p>
        </>
      ) : (
        <p>
          This tool waits for a confirmation, which this login cannot give: <span role="timer">{timeLeft(seconds)}</span>
        </p>
      )}
      {problem && (
        <p class="bad" role="alert">
          Not answered: {problem}
        </p>
      )}
      <p class="unseen" role="status">
        {actions.canConfirm ? said : ''}
      </p>
    </div>
  )
}

/** A value that is asked for again each second, until it is 0. */
function useSeconds(left: () => number): number {
  const [seconds, setSeconds] = useState(left)
  const over = seconds === 0
  useEffect(() => {
    if (over) return
    const timer = setInterval(() => setSeconds(left()), 1000)
    return () => clearInterval(timer)
  }, [over])
  return seconds
}

function useAnnouncement(tool: string, seconds: number): string {
  const shown = useRef(Date.now())
  const said = useRef<{ readonly stage: Announced; readonly text: string }>({ stage: 'none', text: '' })
  const stage = announcedBy(seconds, Date.now() - shown.current)
  if (stage !== 'none' && stage !== said.current.stage) {
    said.current = { stage, text: announcement(tool, said.current.stage, seconds) }
  }
  return said.current.text
}

/** Moves the focus to the row of the call when the buttons that had it go away. */
function useFocusKept(over: boolean): { current: HTMLDivElement | null } {
  const box = useRef<HTMLDivElement>(null)
  const inside = (): boolean => box.current?.contains(document.activeElement) ?? false
  const toRow = (): void => box.current?.closest('details')?.querySelector('summary')?.focus()
  const losesFocus = over && inside()
  useLayoutEffect(() => {
    if (losesFocus) toRow()
    return () => {
      if (inside()) toRow()
    }
  }, [losesFocus])
  return box
}
