import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { ChatTurn, SessionModel, SessionSnapshot, TextPart } from '../../rpc/client/model/index.ts'
import { access, base, client, hello, may } from '../app/gateway.ts'
import { useKept, useQuery } from '../app/query.ts'
import { hashOf } from '../app/route.ts'
import { attempt } from '../pages/sessions/row-actions.tsx'
import { Failure } from '../ui/failure.tsx'
import { revealed } from '../ui/format.ts'
import { toast } from '../ui/toast.tsx'
import { announcements } from './announcements.ts'
import { CanvasPane, useArtifacts } from './canvas.tsx'
import { Composer } from './composer.tsx'
import { DropZone } from './drop-zone.tsx'
import { Header } from './header.tsx'
import { NoModel } from './no-model.tsx'
import { ShortcutSheet } from './shortcuts.tsx'
import { Transcript } from './transcript.tsx'
import { Turn } from './turn.tsx'
import type { TurnActions } from './turn-actions.ts'
import { useSession } from './use-session.ts'
import { Waiting } from './waiting.tsx'

/** Time after which what is on the screen counts as read. */
const READ_MS = 500

/** One conversation: its turns, what waits, the field for messages, the canvas. `at`: id of the message to begin with. */
export function Conversation({ sessionId, at }: { readonly sessionId: string; readonly at: number | undefined }) {
  const { model, snapshot } = useSession(sessionId)
  const listed = useKept(useQuery('sessions.list', { sessionIds: [sessionId] }, { kinds: ['session', 'lane', 'config'] }))
  const exists = (listed.data?.sessions.length ?? 0) > 0
  const artifacts = useArtifacts(sessionId, exists).data
  const [canvas, setCanvas] = useState(false)
  const place = useFound(model, snapshot, at)
  const said = useAnnouncements(snapshot)
  const keys = useKeys(model, snapshot)
  useReadMark(sessionId, snapshot)
  const shown = canvas && artifacts !== undefined && artifacts.total > 0
  const { canConfirm } = snapshot
  const sender = senderOf(sessionId)
  // A new object would draw all turns anew.
  const actions = useMemo(() => actionsOf(model, canConfirm, sender), [model, canConfirm, sender, hello.value])
  return (
    <div class={shown ? 'chat-conversation with-canvas' : 'chat-conversation'}>
      <Header
        model={model}
        snapshot={snapshot}
        listed={listed}
        canvas={{ shown, artifacts: artifacts?.total ?? 0, toggle: () => setCanvas(!canvas) }}
      />
      <DropZone sessionId={sessionId}>
        <div class="chat-main">
          <Transcript
            key={sessionId}
            turns={snapshot.turns}
            history={snapshot.history}
            onOlder={() => void model.loadOlder().catch((error: Error) => toast(error.message, { bad: true }))}
            at={place}
            empty={<NoModel />}
            end={snapshot.error && <Failure error={new Error(snapshot.error.message)} />}
          >
            {(turn) => <Turn turn={turn} actions={actions} last={turn === snapshot.turns.at(-1)} />}
          </Transcript>
          <Waiting model={model} snapshot={snapshot} />
          <Composer model={model} snapshot={snapshot} />
        </div>
      </DropZone>
      {shown && <CanvasPane page={artifacts} onClose={() => setCanvas(false)} />}
      <p class="unseen" aria-live="polite">
        {said}
      </p>
      {keys}
    </div>
  )
}

/** Frontends whose messages a person writes here. */
const OWN = new Set(['web', 'ws', 'cli'])

function senderOf(sessionId: string): string {
  const [frontend = '', ...key] = sessionId.split(':')
  return OWN.has(frontend) ? 'You' : revealed(key.join(':'))
}

function actionsOf(model: SessionModel, canConfirm: boolean, sender: string): TurnActions {
  const fork = async (turn: ChatTurn, text?: string): Promise<void> => {
    const sessionId = await model.fork(turn.key, { before: text !== undefined })
    if (sessionId === undefined)
      throw new Error('The history does not have this message: it was a command, or the agent never got it.')
    if (text !== undefined) client.session(sessionId).send(text)
    location.assign(hashOf(['chat', sessionId]))
  }
  return {
    canSend: may('write'),
    canConfirm,
    sender,
    now: () => access.now(),
    confirm: (callId, approve, reason) => model.confirm(callId, approve, reason),
    retry: (key) => void model.retry(key),
    discard: (key) => void model.discard(key),
    edit: (turn, text) => attempt(fork(turn, text), 'The conversation goes on here; the one before is kept'),
    fork: (turn) => attempt(fork(turn), 'A new conversation, up to that message'),
    regenerate: (turn) => void model.regenerate(turn.key).catch((error: Error) => toast(error.message, { bad: true })),
    file,
    run: (runId) => client.call('runs.get', { runId })
  }
}

/** Bytes of a stored file. */
async function file(id: string): Promise<Blob> {
  const response = await fetch(new URL(`attachments/${encodeURIComponent(id)}`, base), { headers: access.headers() })
  if (!response.ok) throw new Error(`The gateway answered with HTTP status ${response.status}.`)
  return await response.blob()
}

/** Loads older turns until the message is among them. Returns the id of the element that has it. */
function useFound(model: SessionModel, snapshot: SessionSnapshot, at: number | undefined): string | undefined {
  const { turns, history } = snapshot
  const found = at === undefined ? undefined : turns.find(({ messageIds }) => messageIds.includes(at))
  const looking = at !== undefined && !found && history.loaded && history.older && !history.loading && !history.full
  useEffect(() => {
    if (looking) void model.loadOlder().catch((error: Error) => toast(error.message, { bad: true }))
  }, [looking, turns])
  return found && `turn-${found.key}`
}

/** Words for screen readers about the newest change. */
function useAnnouncements(snapshot: SessionSnapshot): string {
  const before = useRef(snapshot)
  const [said, setSaid] = useState('')
  useEffect(() => {
    const words = before.current.sessionId === snapshot.sessionId ? announcements(before.current, snapshot) : []
    before.current = snapshot
    if (words.length > 0) setSaid(words.join(' '))
  }, [snapshot])
  return said
}

/** Records that the conversation was read, once its newest turn stands on a visible page. */
function useReadMark(sessionId: string, { turns, history, connection }: SessionSnapshot): void {
  const newest = turns.at(-1)
  const [visible, setVisible] = useState(!document.hidden)
  useEffect(() => {
    const changed = (): void => setVisible(!document.hidden)
    document.addEventListener('visibilitychange', changed)
    return () => document.removeEventListener('visibilitychange', changed)
  }, [])
  const ready = visible && history.loaded && newest !== undefined && connection.name === 'connected'
  useEffect(() => {
    if (!ready) return
    const timer = setTimeout(() => void client.call('sessions.markRead', { sessionId }).catch(() => {}), READ_MS)
    return () => clearTimeout(timer)
  }, [ready, sessionId, newest?.key, newest?.state])
}

/** Keys of the whole page. Those of the message field belong to it. Returns the list of keys while it is open. */
function useKeys(model: SessionModel, snapshot: SessionSnapshot) {
  const [sheet, setSheet] = useState(false)
  const now = useRef(snapshot)
  now.current = snapshot
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const held = event.ctrlKey || event.metaKey
      const { confirmations, turns, canConfirm } = now.current
      const [asked] = confirmations
      if (held && event.key === '/') setSheet(true)
      else if (held && event.shiftKey && event.key.toLowerCase() === 'c') {
        const answer = turns.flatMap(({ parts }) => parts).findLast((part): part is TextPart => part.kind === 'text')
        if (!answer) return
        attempt(navigator.clipboard.writeText(answer.text), 'The last answer is copied')
      } else if (held && event.altKey && asked && canConfirm && (event.key === 'Enter' || event.key === 'Backspace')) {
        const approve = event.key === 'Enter'
        attempt(model.confirm(asked.callId, approve), approve ? `Allowed: ${asked.tool}` : `Refused: ${asked.tool}`)
      } else return
      event.preventDefault()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [model])
  return sheet && <ShortcutSheet onClose={() => setSheet(false)} />
}
