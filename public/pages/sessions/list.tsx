import { useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client, may } from '../../app/gateway.ts'
import { useKept, useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route, setQuery } from '../../app/router.ts'
import { Chip, Meter, Shape } from '../../ui/chip.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { parseFilter } from '../../ui/filter.ts'
import { FilterBar } from '../../ui/filter-bar.tsx'
import { asCli, asCurl, count, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { Copy } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { attempt } from '../../ui/toast.tsx'
import { FIELDS, listParams } from './list-filter.ts'
import { RowActions } from './row-actions.tsx'
import { Found } from './search.tsx'

export type Session = GatewayMethods['sessions.list']['result']['sessions'][number]
type Sort = NonNullable<GatewayMethods['sessions.list']['params']['sort']>

/** Sessions on the first page, added by "Show more", and most that one request answers. */
const PAGE = 50
const MOST = 500

/** All conversations, filtered and sorted as the address says. */
export function SessionList() {
  const { query: search } = route.value
  const text = search.get('q') ?? ''
  const words = search.get('search') ?? ''
  const sort = (search.get('sort') ?? 'lastMessageAt') as Sort
  const order = search.get('order') === 'asc' ? 'asc' : 'desc'
  const [limit, setLimit] = useState(PAGE)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const { params, problems } = listParams(parseFilter(text), Date.now())
  const asked = { ...params, sort, order, limit } as const
  const query = useKept(useQuery('sessions.list', asked, { kinds: ['session', 'lane'] }))
  const choose = (id: string, on: boolean): void => {
    const next = new Set(chosen)
    if (on) next.add(id)
    else next.delete(id)
    setChosen(next)
  }
  const onSort = (name: string): void => {
    setQuery('order', name === sort && order === 'desc' ? 'asc' : undefined)
    setQuery('sort', name === 'lastMessageAt' ? undefined : name)
  }
  return (
    <>
      <div class="bar">
        <FilterBar
          label="Filter the sessions"
          placeholder="frontend:web status:running updated:7d, or words of the title"
          value={text}
          onChange={(value) => setQuery('q', value)}
        />
        <FilterBar
          label="Search all messages"
          placeholder="Words of a message"
          value={words}
          onChange={(value) => setQuery('search', value)}
        />
      </div>
      {problems.length > 0 && (
        <p class="wait" role="status">
          {`Not understood: ${problems.join(', ')}. Fields: ${FIELDS}.`}
        </p>
      )}
      {words.trim() !== '' && <Found words={words} />}
      <Loaded query={query}>
        {({ sessions, total }) => (
          <>
            {may('write') && <Bulk sessions={sessions.filter(({ id }) => chosen.has(id))} onDone={() => setChosen(new Set())} />}
            <Table
              label="sessions"
              columns={columns(chosen, choose)}
              rows={sessions}
              id={({ id }) => id}
              total={total}
              sorted={sort}
              ascending={order === 'asc'}
              onSort={onSort}
              onMore={limit < MOST ? () => setLimit(Math.min(limit + PAGE, MOST)) : undefined}
              empty={
                <>
                  <p>{text ? 'No session matches this filter.' : 'There are no sessions yet.'}</p>
                  <p class="muted">
                    {text
                      ? 'archived:all also shows what was archived.'
                      : 'A session begins with the first message: from the chat, from a channel, or with sessions.create.'}
                  </p>
                </>
              }
            />
          </>
        )}
      </Loaded>
      <p>
        <Copy text={() => asCli('sessions.list', asked)}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'sessions.list', asked)}>Copy as curl</Copy>
      </p>
    </>
  )
}

function columns(chosen: ReadonlySet<string>, choose: (id: string, on: boolean) => void): Column<Session>[] {
  const select: Column<Session> = {
    title: 'Select',
    cell: ({ id }) => (
      <input
        type="checkbox"
        aria-label={`Select ${id}`}
        checked={chosen.has(id)}
        onChange={(event) => choose(id, event.currentTarget.checked)}
      />
    )
  }
  return [
    ...(may('write') ? [select] : []),
    {
      title: 'Session',
      sort: 'title',
      cell: (session) => (
        <>
          <a class="name" href={hashOf(['sessions', session.id])}>
            {revealed(session.title ?? session.id)}
          </a>
          {session.pinned && ' · pinned'}
          {session.archived && ' · archived'}
          {session.title !== null && <div class="muted">{revealed(session.id)}</div>}
        </>
      )
    },
    { title: 'State', cell: (session) => <State session={session} /> },
    { title: 'Last message', sort: 'lastMessageAt', cell: ({ lastMessageAt }) => <Time at={lastMessageAt} /> },
    { title: 'Messages', sort: 'messageCount', number: true, cell: ({ messageCount }) => count(messageCount) },
    {
      title: 'Tokens',
      sort: 'tokens',
      number: true,
      cell: ({ usage }) => (
        <span title={`${usage.inputTokens} in, ${usage.outputTokens} out`}>{count(usage.inputTokens + usage.outputTokens)}</span>
      )
    },
    {
      title: 'Context',
      cell: ({ id, context }) =>
        context ? (
          <Meter
            label={`Context of ${id}`}
            value={context.tokens}
            max={context.contextWindow}
            text={`${Math.round((100 * context.tokens) / context.contextWindow)} %`}
          />
        ) : (
          <span class="muted">–</span>
        )
    },
    ...(may('write') ? [{ title: 'Actions', cell: (session: Session) => <RowActions session={session} /> }] : [])
  ]
}

function State({ session: { running, depth, unread } }: { readonly session: Session }) {
  return (
    <>
      {running ? <Chip tone="good">running</Chip> : depth > 0 ? <Chip tone="wait">waiting</Chip> : <Chip tone="idle">idle</Chip>}
      {depth > 0 && ` ${depth} waiting`}
      {unread > 0 && (
        <div class="muted number">
          <Shape tone="wait" /> {unread >= 100 ? '100 or more unread' : `${unread} unread`}
        </div>
      )}
    </>
  )
}

/** Actions on all selected sessions at once. */
function Bulk({ sessions, onDone }: { readonly sessions: readonly Session[]; readonly onDone: () => void }) {
  if (sessions.length === 0) return null
  const named = sessions.length === 1 ? sessions[0]!.id : `${sessions.length} sessions`
  const all = async (act: (sessionId: string) => Promise<unknown>): Promise<void> => {
    const results = await Promise.allSettled(sessions.map(({ id }) => act(id)))
    const failed = results.filter((result) => result.status === 'rejected')
    if (failed.length > 0)
      throw new Error(`${failed.length} of ${sessions.length} failed: ${(failed[0]!.reason as Error).message}`)
    onDone()
  }
  return (
    <section class="bar" aria-label="Selected sessions">
      <span>{`${sessions.length} selected`}</span>
      <button
        type="button"
        onClick={() =>
          attempt(
            all((sessionId) => client.call('sessions.update', { sessionId, archived: true })),
            `Archived ${named}`
          )
        }
      >
        Archive selected
      </button>
      <Confirm
        action={`Delete ${named}`}
        consequence={`All messages of ${sessions.map(({ id }) => id).join(', ')} are gone. Work in progress is stopped.`}
        onConfirm={() => all((sessionId) => client.call('sessions.delete', { sessionId }))}
      >
        Delete selected …
      </Confirm>
    </section>
  )
}
