import { useEffect, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client } from '../../app/gateway.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route, setQuery } from '../../app/router.ts'
import { csv } from '../../ui/csv.ts'
import { download } from '../../ui/download.ts'
import { fieldOf, parseFilter } from '../../ui/filter.ts'
import { FilterBar } from '../../ui/filter-bar.tsx'
import { asCli, asCurl, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy, Json } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

type Entry = GatewayMethods['system.audit']['result']['entries'][number]
type Params = NonNullable<GatewayMethods['system.audit']['params']>

const PAGE = 100

/** Params of `system.audit` for a filter: `event:tool.* actor:local session:web:1`. */
function paramsOf(text: string): Params {
  const filter = parseFilter(text)
  const [event, actor, sessionId] = [fieldOf(filter, 'event'), fieldOf(filter, 'actor'), fieldOf(filter, 'session')]
  return { limit: PAGE, ...(event && { event }), ...(actor && { actor }), ...(sessionId && { sessionId }) }
}

/** Recorded actions and their actors. */
export default function Audit() {
  const text = route.value.query.get('q') ?? ''
  const params = paramsOf(text)
  const query = useQuery('system.audit', params, { kinds: ['audit'] })
  const [older, setOlder] = useState<readonly Entry[]>([])
  useEffect(() => setOlder([]), [text])
  const more = async (last: Entry): Promise<void> => {
    try {
      const { entries } = await client.call('system.audit', { ...params, before: last.id })
      setOlder([...older, ...entries])
    } catch (error) {
      toast((error as Error).message, { bad: true })
    }
  }
  return (
    <>
      <div class="bar">
        <FilterBar
          label="Filter"
          placeholder="event:tool.* actor:local session:web:1"
          value={text}
          onChange={(value) => setQuery('q', value)}
        />
        <Copy text={() => asCli('system.audit', params)}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'system.audit', params)}>Copy as curl</Copy>
      </div>
      <Loaded query={query}>
        {({ entries, total }) => {
          const newest = new Set(entries.map(({ id }) => id))
          const all = [...entries, ...older.filter(({ id }) => !newest.has(id))]
          return (
            <>
              <Table
                label="entries"
                rows={all}
                id={({ id }) => String(id)}
                total={total ?? all.length}
                empty={
                  <p>
                    No entry matches. The audit log has logins, tool runs, deletions and what operators do, for 30 days by
                    default.
                  </p>
                }
                columns={[
                  { title: 'Time', cell: ({ at }) => <Time at={at} /> },
                  { title: 'Event', cell: ({ event }) => event },
                  { title: 'Actor', cell: ({ actor }) => revealed(actor) },
                  { title: 'Details', cell: (entry) => <Details entry={entry} /> }
                ]}
                onMore={() => void more(all.at(-1)!)}
              />
              {all.length > 0 && (
                <p>
                  <button
                    type="button"
                    onClick={() =>
                      download(
                        'audit.csv',
                        'text/csv',
                        csv([
                          ['time', 'event', 'actor', 'detail'],
                          ...all.map(({ at, event, actor, detail }) => [new Date(at).toISOString(), event, actor, detail])
                        ])
                      )
                    }
                  >
                    {`Download these ${all.length} as CSV`}
                  </button>
                </p>
              )}
            </>
          )
        }}
      </Loaded>
    </>
  )
}

function Details({ entry: { id, detail } }: { readonly entry: Entry }) {
  const { sessionId, runId } = detail as { sessionId?: unknown; runId?: unknown }
  return (
    <>
      {typeof sessionId === 'string' && (
        <a href={hashOf(typeof runId === 'string' ? ['sessions', sessionId, runId] : ['sessions', sessionId])}>
          {revealed(sessionId)}
        </a>
      )}
      <details>
        <summary>{inShort(detail)}</summary>
        <Json value={detail} label={`Details of entry ${id}`} />
      </details>
    </>
  )
}

/** The simple members of a detail in one line: `tool: file.read · success: true`. */
function inShort(detail: object): string {
  const simple = Object.entries(detail).filter(([name, value]) => name !== 'sessionId' && typeof value !== 'object')
  return revealed(simple.map(([name, value]) => `${name}: ${value}`).join(' · ')).slice(0, 160) || 'Details'
}
