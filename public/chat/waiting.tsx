import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { SessionModel, SessionSnapshot, TurnFile, WaitingMessage } from '../../rpc/client/model/index.ts'
import { may } from '../app/gateway.ts'
import { Chip } from '../ui/chip.tsx'
import { revealed } from '../ui/format.ts'
import { toast } from '../ui/toast.tsx'
import './composer.css'
import { FileChip } from './file-chip.tsx'
import { isImage, shownName } from './file-words.ts'
import { focusField, takeIntoField } from './returned.ts'
import type { Tray } from './tray.ts'
import { useTray } from './use-tray.ts'
import { stateOf } from './waiting-state.ts'

const GONE = 'The agent has this message already.'

/** Messages that wait, in the order in which they are taken. */
export function Waiting({ model, snapshot }: { readonly model: SessionModel; readonly snapshot: SessionSnapshot }) {
  const tray = useTray(model.sessionId)
  const id = useId()
  const { waiting, lane, busy, connection } = snapshot
  if (waiting.length === 0) return null
  const policy = lane ? ` (${lane.policy.mode}, at most ${lane.policy.cap})` : ''
  return (
    <section class="chat-waiting" aria-labelledby={id}>
      <h2 id={id}>{`Waits${policy}`}</h2>
      {lane?.paused && <p class="muted">The lane is paused: nothing is taken from it.</p>}
      <ol>
        {waiting.map((message) => (
          <Row
            key={message.key}
            model={model}
            tray={tray}
            message={message}
            busy={busy}
            connected={connection.name === 'connected'}
          />
        ))}
      </ol>
    </section>
  )
}

interface RowProps {
  readonly model: SessionModel
  readonly tray: Tray
  readonly message: WaitingMessage
  readonly busy: boolean
  readonly connected: boolean
}

function Row({ model, tray, message, busy, connected }: RowProps) {
  const [editing, setEditing] = useState(false)
  const { key, state, text, partial, own, files } = message
  const editButton = useRef<HTMLButtonElement>(null)
  const edited = useRef(false)
  useLayoutEffect(() => {
    if (edited.current && !editing) editButton.current?.focus()
    edited.current = editing
  }, [editing])
  const { tone, words } = stateOf(message, connected)
  const name = `"${text.slice(0, 40)}"`
  const attempt = async (act: () => Promise<unknown>): Promise<void> => {
    try {
      if (!(await act())) toast(GONE)
    } catch (error) {
      toast((error as Error).message, { bad: true })
    }
  }
  const takeBack = async (): Promise<boolean> => {
    const content = await model.takeBack(key)
    if (content) takeIntoField(model, tray, content)
    return content !== undefined
  }
  const sendNow = async (): Promise<boolean> => {
    const sent = await model.sendNow(key)
    focusField()
    return sent !== undefined
  }
  const discard = async (): Promise<boolean> => {
    const content = model.discard(key)
    if (content) tray.offer(content)
    focusField()
    return content !== undefined
  }
  const waits = state === 'queued' || state === 'unsent'
  return (
    <li class="chat-waits">
      {editing ? (
        <Edit
          text={text}
          onCancel={() => setEditing(false)}
          onSave={(changed) => {
            setEditing(false)
            if (changed.trim() !== '' && changed !== text) void attempt(() => model.edit(key, changed))
          }}
        />
      ) : (
        <p class="chat-waits-text">
          {revealed(text)}
          {partial && '…'}
        </p>
      )}
      {files.length > 0 && (
        <ul class="chat-files" aria-label="Files">
          {files.map((file, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the files of a message do not change
            <FileChip key={at} {...factsOf(file, tray)} />
          ))}
        </ul>
      )}
      <div class="chat-waits-end">
        <Chip tone={tone}>
          {words}
          {!own && ' · from elsewhere'}
        </Chip>
        {may('write') && !editing && (
          <span class="row-actions">
            {state === 'queued' && busy && !partial && (
              <button type="button" aria-label={`Send now: ${name}`} onClick={() => void attempt(sendNow)}>
                Send now
              </button>
            )}
            {waits && !partial && (
              <button ref={editButton} type="button" aria-label={`Edit: ${name}`} onClick={() => setEditing(true)}>
                Edit
              </button>
            )}
            {waits && (
              <button type="button" aria-label={`Take back: ${name}`} onClick={() => void attempt(takeBack)}>
                Take back
              </button>
            )}
            {state === 'uncertain' && (
              <button type="button" aria-label={`Discard: ${name}`} onClick={() => void attempt(discard)}>
                Discard
              </button>
            )}
          </span>
        )}
      </div>
    </li>
  )
}

interface EditProps {
  readonly text: string
  readonly onSave: (text: string) => void
  readonly onCancel: () => void
}

function Edit({ text, onSave, onCancel }: EditProps) {
  const [changed, setChanged] = useState(text)
  const area = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => area.current?.focus(), [])
  const keys = (event: KeyboardEvent): void => {
    if (event.isComposing) return
    if (event.key === 'Escape') onCancel()
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onSave(changed)
    else return
    // Escape stops the agent elsewhere.
    event.preventDefault()
  }
  return (
    <form
      class="chat-edit"
      onSubmit={(event) => {
        event.preventDefault()
        onSave(changed)
      }}
    >
      <textarea
        ref={area}
        aria-label="Text of the waiting message"
        rows={3}
        value={changed}
        onInput={(event) => setChanged(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <span class="row-actions">
        <button type="submit">Save</button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </span>
    </form>
  )
}

function factsOf(file: TurnFile, tray: Tray) {
  const { id, mimeType, bytes, data } = file
  const sent = id === undefined ? undefined : tray.sentFile(id)
  if (sent) return { name: sent.name, bytes: sent.bytes, preview: sent.preview }
  const preview = data !== undefined && isImage(file) ? `data:${mimeType};base64,${data}` : undefined
  return { name: shownName(file), bytes, preview }
}
