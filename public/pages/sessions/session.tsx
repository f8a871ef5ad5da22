import { useEffect, useRef, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client, may } from '../../app/gateway.ts'
import { useKept, useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route } from '../../app/router.ts'
import { asCli, asCurl, count, duration, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { attempt } from '../../ui/toast.tsx'
import { exported } from './export.ts'
import { History } from './history.tsx'
import { RowActions } from './row-actions.tsx'
import { RunState } from './run-state.tsx'

type Page = GatewayMethods['sessions.get']['result']

/** Messages of a page of the history, runs that are shown, and most that one request answers. */
const PAGE = 50
const RUNS = 10
const MOST = 500

/** One conversation: facts, runs and history. */
export function SessionView({ sessionId }: { readonly sessionId: string }) {
  const at = Number(route.value.query.get('at')) || undefined
  const query = useQuery('sessions.get', { sessionId, limit: PAGE, around: at }, { kinds: ['session', 'run'] })
  return (
    <>
      <p>
        <a href={hashOf(['sessions'])}>All sessions</a>
      </p>
      <Loaded query={query}>
        {(page) => (
          <>
            <Facts page={page} />
            <Runs sessionId={sessionId} />
            <Turns key={`${sessionId} ${at}`} page={page} at={at} />
          </>
        )}
      </Loaded>
    </>
  )
}

function Facts({ page: { id: sessionId, title, pinned, archived, createdAt, lastActiveAt } }: { readonly page: Page }) {
  return (
    <section class="card" aria-label="Session">
      <h2>{revealed(title ?? sessionId)}</h2>
      <dl class="facts">
        <dt>Id</dt>
        <dd>{revealed(sessionId)}</dd>
        <dt>Began</dt>
        <dd>
          <Time at={Date.parse(createdAt)} />
        </dd>
        <dt>Last active</dt>
        <dd>
          <Time at={Date.parse(lastActiveAt)} />
        </dd>
        {(pinned || archived) && <dt>State</dt>}
        {(pinned || archived) && <dd>{[pinned && 'pinned', archived && 'archived'].filter(Boolean).join(', ')}</dd>}
      </dl>
      {may('write') && (
        <RowActions
          session={{ id: sessionId, title, pinned, archived }}
          onDeleted={() => location.assign(hashOf(['sessions']))}
        />
      )}
      <p>
        <button type="button" onClick={() => attempt(exported(sessionId, 'markdown'), 'The session is downloaded')}>
          Download as Markdown
        </button>{' '}
        <button type="button" onClick={() => attempt(exported(sessionId, 'json'), 'The session is downloaded')}>
          Download as JSON
        </button>{' '}
        <Copy text={() => asCli('sessions.get', { sessionId })}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'sessions.get', { sessionId })}>Copy as curl</Copy>
      </p>
    </section>
  )
}

function Runs({ sessionId }: { readonly sessionId: string }) {
  const [limit, setLimit] = useState(RUNS)
  const query = useKept(useQuery('runs.list', { sessionId, limit }, { kinds: ['run'] }))
  return (
    <section class="card" aria-label="Runs">
      <h2>Runs</h2>
      <Loaded query={query}>
        {({ runs, total }) => (
          <Table
            label="runs"
            rows={runs}
            id={({ runId }) => runId}
            total={total}
            onMore={limit < MOST ? () => setLimit(Math.min(limit + PAGE, MOST)) : undefined}
            empty={<p>No runs are kept. A run begins with a message, and is kept for retention.runs_days.</p>}
            columns={[
              {
                title: 'Run',
                cell: ({ runId, acceptedAt }) => (
                  <a href={hashOf(['sessions', sessionId, runId])}>
                    <Time at={acceptedAt} />
                  </a>
                )
              },
              { title: 'State', cell: (run) => <RunState run={run} /> },
              {
                title: 'Duration',
                number: true,
                cell: ({ startedAt, endedAt }) => (endedAt === null ? '–' : duration(endedAt - startedAt))
              },
              { title: 'Tokens', number: true, cell: ({ usage }) => count(usage.inputTokens + usage.outputTokens) },
              { title: 'Model', cell: ({ model }) => model ?? '–' }
            ]}
          />
        )}
      </Loaded>
    </section>
  )
}

/** The history: the newest page lives, older ones are added to its beginning. */
function Turns({ page, at }: { readonly page: Page; readonly at: number | undefined }) {
  const [older, setOlder] = useState<readonly Page[]>([])
  const [newer, setNewer] = useState<readonly Page[]>([])
  const all = [...older, page, ...newer]
  // A newest page that moves on leaves no gap behind it.
  const seen = useRef(new Map<number, Page['history'][number]>())
  if (all.length === 1) seen.current = new Map()
  for (const { history } of all) for (const message of history) seen.current.set(message.id, message)
  const messages = [...seen.current.values()].sort((a, b) => a.id - b.id)
  const runs = new Map(all.flatMap(({ runs }) => runs).map((run) => [run.runId, run]))
  const ask = (change: { before?: number | undefined; after?: number | undefined }): Promise<Page> =>
    client.call('sessions.get', { sessionId: page.id, limit: PAGE, ...change })
  // The found message comes into view once, when the page opens.
  useEffect(() => {
    if (at !== undefined) document.getElementById(`message-${at}`)?.scrollIntoView({ block: 'center' })
  }, [at])
  return (
    <section class="card" aria-label="History">
      <h2>History</h2>
      {all[0]!.older && (
        <p>
          <button
            type="button"
            onClick={() =>
              attempt(
                ask({ before: messages[0]?.id }).then((more) => setOlder([more, ...older])),
                'Older messages'
              )
            }
          >
            Older messages
          </button>
        </p>
      )}
      <History sessionId={page.id} messages={messages} runs={runs} at={at} />
      {all.at(-1)!.newer && (
        <p>
          <button
            type="button"
            onClick={() =>
              attempt(
                ask({ after: messages.at(-1)?.id }).then((more) => setNewer([...newer, more])),
                'Newer messages'
              )
            }
          >
            Newer messages
          </button>
        </p>
      )}
      <p class="muted">{`${messages.length} messages shown${all[0]!.older || all.at(-1)!.newer ? '; there are more' : ''}`}</p>
    </section>
  )
}
