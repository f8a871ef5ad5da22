import type { ComponentChildren } from 'preact'
import { useQuery } from '../../app/query.ts'
import { route, setQuery } from '../../app/router.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Chart } from './chart.tsx'
import { Logs } from './logs.tsx'
import { buckets, type Source } from './series.ts'

const WINDOWS = { '60': '1 hour', '360': '6 hours', '1440': '24 hours', '15': '15 minutes' } as const
const BUCKETS = { '30': '30 seconds', '120': '2 minutes', '600': '10 minutes', '3600': '1 hour' } as const

/** One service: its actions, its chart and its log. */
export function Service({ source, children }: { readonly source: Source; readonly children: ComponentChildren }) {
  return (
    <section class="card" aria-label={source.name}>
      <h2>{source.name}</h2>
      <p class="muted">{`${source.id} · ${source.runtime}`}</p>
      {children}
      {source.graphCapable && <History id={source.id} name={source.name} />}
      {source.logCapable ? (
        <Logs id={source.id} name={source.name} />
      ) : (
        <p class="muted">{`Its log cannot be read: ${source.problem ?? 'it has none'}.`}</p>
      )}
    </section>
  )
}

function History({ id, name }: { readonly id: string; readonly name: string }) {
  const window = route.value.query.get('window') ?? '60'
  const bucket = route.value.query.get('bucket') ?? '120'
  const query = useQuery(
    'system.observabilitySeries',
    { windowMinutes: Number(window) || 60, bucketSeconds: Number(bucket) || 120, sourceIds: [id] },
    { every: 30_000 }
  )
  return (
    <>
      <div class="bar">
        <label>
          Time{' '}
          <select value={window} onChange={(event) => setQuery('window', event.currentTarget.value)}>
            {Object.entries(WINDOWS).map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          One point for{' '}
          <select value={bucket} onChange={(event) => setQuery('bucket', event.currentTarget.value)}>
            {Object.entries(BUCKETS).map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Loaded query={query}>{(series) => <Chart label={name} points={buckets(series, id)} />}</Loaded>
    </>
  )
}
