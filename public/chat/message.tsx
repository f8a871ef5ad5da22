import { useState } from 'preact/hooks'
import type { MessagePart } from '../../rpc/client/model/turn.ts'
import { count } from '../ui/format.ts'
import { memo } from '../ui/memo.ts'
import { File } from './files.tsx'
import { readable } from './text-safety.ts'
import type { TurnActions } from './turn-actions.ts'

/** Longer messages are folded. */
const SHOWN_CHARACTERS = 2000
const SHOWN_LINES = 20

/** A message as it was written, with its files. */
export const Message = memo(function Message({
  message,
  actions
}: {
  readonly message: MessagePart
  readonly actions: TurnActions
}) {
  const { text, files, partial } = message
  const [whole, setWhole] = useState(false)
  const beginning = text.slice(0, SHOWN_CHARACTERS).split('\n', SHOWN_LINES).join('\n')
  const folded = beginning.length < text.length
  return (
    <div class="chat-message">
      {text !== '' && (
        <p class="chat-written" dir="auto">
          {readable(whole ? text : beginning)}
          {(partial || (folded && !whole)) && '…'}
        </p>
      )}
      {folded && (
        <button type="button" class="plain" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? 'Show less' : `Show all ${count(text.length)} characters`}
        </button>
      )}
      {files.map((file, at) => (
        <File key={file.id ?? at} file={file} actions={actions} />
      ))}
    </div>
  )
})

/** The message of a turn while it is edited, to be sent again. */
export function EditMessage({
  text,
  onSend,
  onCancel
}: {
  readonly text: string
  readonly onSend: (text: string) => void
  readonly onCancel: () => void
}) {
  const [edited, setEdited] = useState(text)
  const send = (event: Event): void => {
    event.preventDefault()
    if (edited.trim() !== '') onSend(edited)
  }
  return (
    <form class="chat-reword" onSubmit={send}>
      <textarea
        aria-label="Message to send instead"
        dir="auto"
        rows={Math.min(12, text.split('\n').length + 1)}
        value={edited}
        ref={(field) => field?.focus()}
        onInput={(event) => setEdited(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.isComposing) return
          if (event.key === 'Escape') {
            // It ends the editing, not the run of the agent.
            event.stopPropagation()
            onCancel()
          } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.altKey) send(event)
        }}
      />
      <p class="actions">
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={edited.trim() === ''}>
          Send
        </button>
      </p>
    </form>
  )
}
