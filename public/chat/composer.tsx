import { useEffect, useRef, useState } from 'preact/hooks'
import type { SessionModel, SessionSnapshot } from '../../rpc/client/model/index.ts'
import { hello, may } from '../app/gateway.ts'
import { useQuery } from '../app/query.ts'
import { count } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { toast } from '../ui/toast.tsx'
import './composer.css'
import { Field } from './field.tsx'
import { FileButtons } from './file-buttons.tsx'
import { FileList } from './file-list.tsx'
import { QueueHint } from './queue-hint.tsx'
import { lastPrompt, type QueueMode } from './queue-mode.ts'
import type { Tray } from './tray.ts'
import { limits, useTray } from './use-tray.ts'

export interface ComposerProps {
  readonly model: SessionModel
  readonly snapshot: SessionSnapshot
}

/** Place where a message is written, with its files, and the run under way is stopped. */
export function Composer({ model, snapshot }: ComposerProps) {
  if (hello.value !== undefined && !may('write')) {
    return <p class="chat-composer chat-read-only">This credential may read this conversation, but not write in it.</p>
  }
  return <Writer model={model} snapshot={snapshot} />
}

function Writer({ model, snapshot }: ComposerProps) {
  const { sessionId } = model
  const tray = useTray(sessionId)
  const field = useRef<HTMLTextAreaElement>(null)
  /** Handling of the next message alone. */
  const [mode, setMode] = useState<QueueMode>()
  const commands = useQuery('commands.list', {}).data?.commands ?? []
  const { busy, connection } = snapshot
  // Not that of the snapshot: this component may be drawn again before its page has the newest.
  const { draft } = model.getSnapshot()
  const empty = draft.trim() === '' && tray.files.length === 0
  const stopping = snapshot.turns.some(({ state }) => state === 'stopping')
  const most = limits.value.maxMessageCharacters ?? Number.POSITIVE_INFINITY

  const stop = (all = false): void => {
    field.current?.focus()
    const stopped = all ? model.stopAll() : model.stop()
    stopped.catch((error: Error) => toast(`It was not stopped: ${error.message}`, { bad: true }))
  }
  const submit = (): void => {
    field.current?.focus()
    if (empty || draft.length > most) return
    const queueMode = busy ? mode : undefined
    tray.send((files, uploads) => {
      const text = model.getSnapshot().draft.trim()
      if (text === '' && Object.keys(files).length === 0) return
      model.setDraft('')
      model.describeUploads(uploads)
      model.send(text, { ...files, ...(queueMode && { queueMode }) })
    })
    setMode(undefined)
  }
  useEffect(() => {
    // A message that waited for its files when another conversation was opened.
    tray.release()
    if (document.activeElement === document.body && matchMedia('(pointer: fine)').matches) field.current?.focus()
  }, [model])
  useKeys({ field, stop: busy && !stopping ? stop : undefined })

  return (
    <form
      class="chat-composer"
      aria-label="Message"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <FileList model={model} tray={tray} connected={connection.name === 'connected'} />
      <div class="chat-write">
        <FileButtons onFiles={(files) => tray.add(files)} />
        <Field
          field={field}
          value={draft}
          placeholder={connection.name === 'connected' ? 'Message' : 'Message; it is sent when the connection is back'}
          commands={commands}
          onInput={(text) => {
            model.setDraft(text)
            if (tray.held) tray.release()
          }}
          onSubmit={submit}
          onFiles={(files) => tray.add(files)}
          lastPrompt={() => lastPrompt(snapshot)}
        />
        {busy && (
          <button
            type="button"
            class={empty ? 'chat-stop primary' : 'chat-stop'}
            aria-label={stopping ? 'Stopping' : 'Stop'}
            title="Stop this answer (Escape)"
            disabled={stopping}
            // The second click of a double click on Send, which was here before.
            onClick={({ detail }) => detail < 2 && stop()}
          >
            <Icon path="M7 7h10v10H7z" /> {empty && <span>{stopping ? 'Stopping …' : 'Stop'}</span>}
          </button>
        )}
        {(!busy || !empty) && (
          <button type="submit" class="primary chat-send" aria-label="Send" disabled={empty || draft.length > most}>
            <Icon path="M4 12h15M13 6l6 6l-6 6" /> <span>Send</span>
          </button>
        )}
      </div>
      {draft.length > most && (
        <p class="bad" role="alert">
          {`A message has at most ${count(most)} characters; this one has ${count(draft.length)}. `}
          <button
            type="button"
            onClick={() => [tray.add([new File([draft], 'message.txt', { type: 'text/plain' })]), model.setDraft('')]}
          >
            Send it as a file
          </button>
        </p>
      )}
      <p class="chat-state" role="status">
        {stopping ? 'Stopping …' : fileWords(tray)}
      </p>
      {tray.held && (
        <button type="button" class="plain" onClick={() => tray.release()}>
          Do not send yet
        </button>
      )}
      <QueueHint model={model} snapshot={snapshot} mode={mode} onMode={setMode} onStopAll={() => stop(true)} />
    </form>
  )
}

function fileWords({ held, files }: Tray): string {
  const failed = files.some(({ state }) => state === 'failed')
  if (failed) return held ? 'Not sent: a file was not uploaded. Retry or remove it.' : 'A file was not uploaded.'
  return held ? 'The message is sent when its files are uploaded.' : ''
}

interface Keys {
  readonly field: { readonly current: HTMLTextAreaElement | null }
  /** Undefined: nothing can be stopped. */
  readonly stop: (() => void) | undefined
}

/** Escape stops the run, Shift+Escape goes to the input field, from everywhere on the page. */
function useKeys({ field, stop }: Keys): void {
  useEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing) return
      if (event.shiftKey) {
        event.preventDefault()
        field.current?.focus()
        return
      }
      // Escape closes dialogs, and leaves other fields.
      if (document.querySelector('dialog[open], :popover-open')) return
      const { target } = event
      const elsewhere = target instanceof HTMLElement && target.matches('input, textarea, select') && target !== field.current
      if (!elsewhere) stop?.()
    }
    addEventListener('keydown', keys)
    return () => removeEventListener('keydown', keys)
  })
}
