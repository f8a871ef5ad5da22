import { useEffect, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../rpc/client/index.ts'
import { client, may } from '../app/gateway.ts'
import { useKept, useQuery } from '../app/query.ts'
import { hashOf } from '../app/route.ts'
import { RenameDialog } from '../pages/sessions/row-actions.tsx'
import { Found } from '../pages/sessions/search.tsx'
import { Shape } from '../ui/chip.tsx'
import { revealed } from '../ui/format.ts'
import { Loaded } from '../ui/loaded.tsx'
import { Menu } from '../ui/menu.tsx'
import { Time } from '../ui/time.tsx'
import { attempt, toast } from '../ui/toast.tsx'
import { deleted, deleteSoon } from './deletions.ts'
import { newSession } from './names.ts'

export type ListedSession = GatewayMethods['sessions.list']['result']['sessions'][number]

/** Sessions on the first page and added by "Show more", and most that one request answers. */
const PAGE = 50
const MOST = 500
const QUIET_MS = 200

/** The conversations of all channels, newest first, pinned ones on top. */
export function SessionList({ current }: { readonly current: string | undefined }) {
  const [typed, setTyped] = useState('')
  const [text, setText] = useState('')
  const [archived, setArchived] = useState(false)
  const [limit, setLimit] = useState(PAGE)
  useEffect(() => {
    const timer = setTimeout(() => setText(typed.trim()), QUIET_MS)
    return () => clearTimeout(timer)
  }, [typed])
  const filter = text === '' ? {} : { text: text.slice(0, 256) }
  const kinds = { kinds: ['session', 'lane'] } as const
  const pinned = useKept(useQuery('sessions.list', { pinned: true, archived, limit: MOST, ...filter }, kinds))
  const others = useKept(useQuery('sessions.list', { pinned: false, archived, limit, ...filter }, kinds))
  const rows = [...(pinned.data?.sessions ?? []), ...(others.data?.sessions ?? [])].filter(({ id }) => !deleted.value.has(id))
  const total = (pinned.data?.total ?? 0) + (others.data?.total ?? 0) - deleted.value.size
  return (
    <nav class="chat-sessions" aria-label="Conversations">
      <div class="chat-sessions-top">
        <input
          type="search"
          value={typed}
          aria-label="Search the conversations"
          placeholder="Search"
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        {may('write') && (
          <button type="button" onClick={() => location.assign(hashOf(['chat', newSession()]))}>
            New
          </button>
        )}
      </div>
      <Loaded query={others}>
        {() => (
          <>
            <ul>
              {rows.map((session) => (
                <Row key={session.id} session={session} current={session.id === current} />
              ))}
            </ul>
            {rows.length === 0 && (
              <p class="muted chat-note">
                {text !== ''
                  ? 'No title has these words.'
                  : archived
                    ? 'Nothing is archived.'
                    : 'No conversations yet. Write the first message.'}
              </p>
            )}
            <p class="muted chat-note">
              {rows.length > 0 && `${rows.length} of ${total} `}
              {rows.length < total && limit < MOST && (
                <button type="button" class="plain" onClick={() => setLimit(Math.min(limit + PAGE, MOST))}>
                  Show more
                </button>
              )}
              <button type="button" class="plain" aria-pressed={archived} onClick={() => setArchived(!archived)}>
                {archived ? 'Back to the others' : 'Archived'}
              </button>
            </p>
          </>
        )}
      </Loaded>
      {text !== '' && <Found words={text} page="chat" />}
    </nav>
  )
}

function Row({ session, current }: { readonly session: ListedSession; readonly current: boolean }) {
  const { id, title, preview, frontend, userId, lastMessageAt, running, depth, unread, pinned, archived } = session
  const name = revealed(title ?? (frontend === 'web' || frontend === 'ws' ? 'New conversation' : id))
  const [renaming, setRenaming] = useState(false)
  const change = (changes: object, done: string): void =>
    attempt(client.call('sessions.update', { sessionId: id, ...changes }), done)
  return (
    <li class={current ? 'chat-session selected' : 'chat-session'}>
      <a href={hashOf(['chat', id])} aria-current={current ? 'page' : undefined}>
        <span class="chat-session-name" dir="auto">
          {running && (
            <>
              <Shape tone="wait" /> <span class="unseen">at work: </span>
            </>
          )}
          {unread > 0 && (
            <>
              <span class="chat-dot" aria-hidden="true" /> <span class="unseen">{`${unread} unread: `}</span>
            </>
          )}
          {name}
        </span>
        <span class="muted chat-session-preview" dir="auto">
          {revealed(preview ?? '')}
        </span>
        <span class="muted chat-session-from">
          {revealed(`${frontend} · ${userId}`)}
          {depth > 0 && ` · ${depth} wait`}
        </span>
        <span class="muted chat-session-when">
          {pinned && 'pinned · '}
          <Time at={lastMessageAt} />
        </span>
      </a>
      {may('write') && (
        <Menu
          label={`Actions for ${name}`}
          items={[
            { title: 'Rename', act: () => setRenaming(true) },
            { title: pinned ? 'Unpin' : 'Pin', act: () => change({ pinned: !pinned }, pinned ? 'No longer pinned' : 'Pinned') },
            {
              title: archived ? 'Restore' : 'Archive',
              act: () => change({ archived: !archived }, archived ? 'Restored' : 'Archived')
            },
            {
              title: 'Delete',
              act: () => {
                const undo = deleteSoon(id)
                if (current) location.assign(hashOf(['chat']))
                toast(`${name} is deleted`, { undo })
              }
            }
          ]}
        />
      )}
      {renaming && <RenameDialog session={session} onClose={() => setRenaming(false)} />}
    </li>
  )
}
