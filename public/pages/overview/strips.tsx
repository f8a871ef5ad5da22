import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { type Query, useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { Chip, Strip } from '../../ui/chip.tsx'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { buckets, pointTone, stateTone } from '../services/series.ts'

/** Two minutes a bar: an hour fits on a phone. */
const WINDOW = { windowMinutes: 60, bucketSeconds: 120 }

/** The last hour of the gateway, its backends and containers. */
export function SourceStrips({ sources }: { readonly sources: Query<GatewayMethods['system.observabilitySources']['result']> }) {
  const series = useQuery('system.observabilitySeries', WINDOW, { every: 30_000 })
  return (
    <>
      <h2>Services</h2>
      <Loaded query={sources}>
        {(answer) => {
          const rows = answer.sources.filter(({ status, id }) => status !== 'unknown' || (series.data && seen(series.data, id)))
          return (
            <Table
              label="services"
              columns={[
                { title: 'Service', cell: ({ id, name }) => <a href={hashOf(['services', id])}>{name}</a> },
                { title: 'State', cell: ({ status }) => <Chip tone={stateTone(status)}>{status}</Chip> },
                {
                  title: 'Last hour',
                  cell: ({ id, name }) =>
                    series.data && (
                      <Strip label={name} samples={buckets(series.data, id).map((point) => point && pointTone(point))} />
                    )
                }
              ]}
              rows={rows}
              total={answer.sources.length}
              id={({ id }) => id}
              empty={<p>No service can be seen from here.</p>}
            />
          )
        }}
      </Loaded>
    </>
  )
}

function seen({ series }: GatewayMethods['system.observabilitySeries']['result'], id: string): boolean {
  return series.some(({ sourceId, points }) => sourceId === id && points.length > 0)
}
