import type { ChatTurn, MessagePart } from '../../rpc/client/model/turn.ts'
import { Shape } from '../ui/chip.tsx'
import { Copy } from '../ui/text.tsx'
import { readable } from './text-safety.ts'
import type { TurnActions } from './turn-actions.ts'
import { failureDetails, failureOf, stateOf } from './turn-words.ts'

interface TurnStateProps {
  readonly turn: ChatTurn
  readonly actions: TurnActions
}

/** State of a turn in words and shape, with what can be done about it. */
export function TurnStatus({ turn, actions }: TurnStateProps) {
  if (turn.state === 'failed') return <TurnFailure turn={turn} actions={actions} />
  const words = stateOf(turn)
  if (!words) return null
  const own = ownMessage(turn)
  return (
    <div class="chat-status">
      <p>
        <Shape tone={words.tone} /> {words.text}
        {turn.state === 'stopped' && turn.error?.message && ` · ${readable(turn.error.message)}`}
      </p>
      {words.hint && <p class="muted">{words.hint}</p>}
      {turn.state === 'uncertain' && own?.key !== undefined && (
        <button type="button" onClick={() => actions.discard(own.key!)}>
          Discard
        </button>
      )}
    </div>
  )
}

/** Reason of a failure, what to do, and the details to copy. */
function TurnFailure({ turn, actions }: TurnStateProps) {
  const error = turn.error ?? { message: 'The run failed. The gateway gives no reason.' }
  const { reason, advice } = failureOf(error)
  const own = ownMessage(turn)
  return (
    <div class="chat-failure">
      <p>
        <Shape tone="bad" /> <strong>Failed: </strong>
        <span dir="auto">{readable(reason)}</span>
      </p>
      <p class="muted">{advice}</p>
      <details>
        <summary>Details</summary>
        <pre>{failureDetails({ ...turn, error })}</pre>
        <Copy text={() => failureDetails({ ...turn, error })}>Copy the details</Copy>
      </details>
      {actions.canSend && own?.key !== undefined && (
        <p class="chat-choice">
          <button type="button" onClick={() => actions.retry(own.key!)}>
            Send again
          </button>
          <button type="button" onClick={() => actions.discard(own.key!)}>
            Discard
          </button>
        </p>
      )}
    </div>
  )
}

function ownMessage({ parts }: ChatTurn): MessagePart | undefined {
  return parts.find((part) => part.kind === 'message' && part.key !== undefined) as MessagePart | undefined
}
