import { useState } from 'preact/hooks'
import type { SessionModel, SessionSnapshot } from '../../rpc/client/model/index.ts'
import { PolicyDialog } from '../pages/lanes/policy.tsx'
import { toast } from '../ui/toast.tsx'
import { MODE_WORDS, MODES, modeInForce, type QueueMode } from './queue-mode.ts'

export interface QueueHintProps {
  readonly model: SessionModel
  readonly snapshot: SessionSnapshot
  /** Handling of the next message alone. */
  readonly mode: QueueMode | undefined
  readonly onMode: (mode: QueueMode | undefined) => void
  readonly onStopAll: () => void
}

/** Says what happens to a message that is sent while the agent is busy, and changes it: for one message, or for the conversation. */
export function QueueHint({ model, snapshot: { busy, lane, waiting }, mode, onMode, onStopAll }: QueueHintProps) {
  const [open, setOpen] = useState(false)
  if (!lane) return null
  const reset = (): void => {
    model.configure(null).catch((error: Error) => toast(`The policy was not reset: ${error.message}`, { bad: true }))
  }
  return (
    <div class={busy ? 'chat-queue muted' : 'chat-queue chat-queue-idle muted'}>
      {busy ? (
        <label>
          <span class="chat-queue-label">Sent now, a message</span>
          <select
            aria-label="A message that is sent now"
            value={mode ?? ''}
            onChange={(event) => onMode((event.currentTarget.value || undefined) as QueueMode | undefined)}
          >
            <option value="">{`${MODE_WORDS[lane.policy.mode]} (${modeInForce(lane)})`}</option>
            {MODES.filter((one) => one !== lane.policy.mode).map((one) => (
              <option key={one} value={one}>
                {`${MODE_WORDS[one]} (${one}, this one only)`}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <span>{`While the agent is busy, a message ${MODE_WORDS[lane.policy.mode]} (${modeInForce(lane)}).`}</span>
      )}
      <button type="button" class="plain" aria-label="Change the policy of this conversation" onClick={() => setOpen(true)}>
        Change
      </button>
      {Object.values(lane.origin).includes('session') && (
        <button type="button" class="plain" aria-label="Reset the policy of this conversation" onClick={reset}>
          Reset
        </button>
      )}
      {busy && waiting.length > 0 && (
        <button type="button" onClick={onStopAll} title="Stops this answer and takes back all that waits">
          Stop all
        </button>
      )}
      {open && (
        <PolicyDialog
          title="Policy of this conversation"
          policy={lane.policy}
          save={(queue) => model.configure(queue)}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  )
}
