import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { ChatTurn, SessionModel, SessionSnapshot, TextPart } from '../../rpc/client/model/index.ts'
import { access, client, hello, may } from '../app/gateway.ts'
import { listen } from '../app/live.ts'
import { useKept, useQuery } from '../app/query.ts'
import { hashOf } from '../app/route.ts'

import { Failure } from '../ui/failure.tsx'
import { revealed } from '../ui/format.ts'
import { attempt, toast } from '../ui/toast.tsx'
import { announcements } from './announcements.ts'
import { CanvasPane, useArtifacts } from './canvas.tsx'
import { Composer } from './composer.tsx'
import { answerByKey } from './confirm-keys.ts'
import { DropZone } from './drop-zone.tsx'
import { Header } from './header.tsx'
import { NoModel } from './no-model.tsx'
import { ShortcutSheet } from './shortcuts.tsx'
import { Transcript } from './transcript.tsx'
import { Turn } from './turn.tsx'
import type { TurnActions } from './turn-actions.ts'
import { useSession } from './use-session.ts'
import { Waiting } from './waiting.tsx'

/** Time after which messages on the screen count as read. */
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
  const keys = useKeys(snapshot)
  useReadMark(sessionId, snapshot)
  const deleted = useDeleted(sessionId)
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
            end={(deleted || snapshot.error) && <Failure error={new Error(deleted ?? snapshot.error?.message)} />}
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
    file: (id) => access.file(id),
    run: (runId) => client.call('runs.get', { runId })
  }
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

/** Says that the conversation was deleted while it was on the page. */
function useDeleted(sessionId: string): string | undefined {
  const [deleted, setDeleted] = useState(false)
  useEffect(
    () => listen('session', (event) => event?.sessionId === sessionId && setDeleted(event.change === 'deleted')),
    [sessionId]
  )
  return deleted ? 'This conversation was deleted. A new message begins another one under its name.' : undefined
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
function useKeys(snapshot: SessionSnapshot) {
  const [sheet, setSheet] = useState(false)
  const now = useRef(snapshot)
  now.current = snapshot
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const held = event.ctrlKey || event.metaKey
      if (held && event.key === '/') setSheet(true)
      else if (held && event.shiftKey && event.key.toLowerCase() === 'c') {
        const parts = now.current.turns.flatMap(({ parts }) => parts)
        const answer = parts.findLast((part): part is TextPart => part.kind === 'text')
        if (!answer) return
        attempt(navigator.clipboard.writeText(answer.text), 'The last answer is copied')
      } else {
        answerByKey(event, document)
        return
      }
      event.preventDefault()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
  return sheet && <ShortcutSheet onClose={() => setSheet(false)} />
}
