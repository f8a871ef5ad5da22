import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { Chip, Strip } from '../../ui/chip.tsx'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Actions, type Managed } from './actions.tsx'
import { buckets, pointTone, STATES, stateTone } from './series.ts'
import { Service } from './service.tsx'

/** Two minutes a bar: an hour fits on a phone. */
const WINDOW = { windowMinutes: 60, bucketSeconds: 120 }
const EVERY = 30_000

/** The gateway, the servers of local models, containers and MCP servers: their states, and one of them in detail. */
export default function Services({ rest }: PageProps) {
  const sources = useQuery('system.observabilitySources', {}, { every: EVERY, kinds: ['job'] })
  const series = useQuery('system.observabilitySeries', WINDOW, { every: EVERY })
  const backends = useQuery('system.localBackends', {}, { every: EVERY, kinds: ['job'] })
  const containers = useQuery('system.dockerDependencies', {}, { every: EVERY, kinds: ['job'] })
  const refresh = (): void => {
    for (const query of [sources, backends, containers, series]) query.refresh()
  }
  const managed = new Map<string, Managed>()
  for (const { id, availableActions, problem, job, statusText, restartCount } of backends.data?.backends ?? [])
    managed.set(`systemd:${id}`, { kind: 'backend', id, actions: availableActions, problem, job, statusText, restartCount })
  for (const { id, availableActions, problem, job, statusText, health } of containers.data?.dependencies ?? [])
    managed.set(`docker:${id}`, { kind: 'dependency', id, actions: availableActions, problem, job, statusText, health })
  return (
    <Loaded query={sources}>
      {({ sources: rows }) => {
        const selected = rows.find(({ id }) => id === rest[0])
        return (
          <>
            <Table
              label="services"
              columns={[
                { title: 'Service', cell: ({ id, name }) => <a href={hashOf(['services', id])}>{name}</a> },
                {
                  title: 'State',
                  cell: ({ id, status }) => {
                    const health = managed.get(id)?.health
                    return (
                      <>
                        <Chip tone={stateTone(status)}>{status}</Chip>
                        {health && health !== 'none' && (
                          <Chip tone={health === 'healthy' ? 'good' : health === 'starting' ? 'wait' : 'bad'}>{health}</Chip>
                        )}
                      </>
                    )
                  }
                },
                {
                  title: 'Last hour',
                  cell: ({ id, name }) =>
                    series.data && (
                      <Strip label={name} samples={buckets(series.data, id).map((point) => point && pointTone(point))} />
                    )
                },
                {
                  title: 'Restarts',
                  number: true,
                  cell: ({ id }) =>
                    managed.get(id)?.restartCount ??
                    (series.data ? buckets(series.data, id).reduce((sum, point) => sum + (point?.restartCount ?? 0), 0) : '–')
                },
                { title: 'Problem', cell: ({ id, problem }) => managed.get(id)?.problem ?? problem ?? '–' }
              ]}
              rows={rows}
              id={({ id }) => id}
              selected={rest[0]}
              empty={<p>No service can be seen from here.</p>}
            />
            {containers.data?.problem && <p class="muted">{`Containers: ${containers.data.problem}`}</p>}
            {backends.error && <p class="bad">{backends.error.message}</p>}
            {containers.error && <p class="bad">{containers.error.message}</p>}
            {containers.data?.dependencies.length === 0 && !containers.data.problem && (
              <p class="muted">
                Containers appear here when the configuration names a compose file (<code>docker</code>).
              </p>
            )}
            {rest[0] === undefined ? (
              <p class="muted">Open a service for its actions, its chart and its log.</p>
            ) : selected ? (
              <Service key={selected.id} source={selected}>
                {managed.has(selected.id) && (
                  <Actions name={selected.name} managed={managed.get(selected.id)!} onDone={refresh} />
                )}
              </Service>
            ) : (
              <p class="bad">{`There is no service ${rest[0]}; it may have been taken out of the configuration.`}</p>
            )}
            <p class="muted">{`States: ${STATES.join(', ')}. A frame in a strip is time without a sample.`}</p>
          </>
        )
      }}
    </Loaded>
  )
}
