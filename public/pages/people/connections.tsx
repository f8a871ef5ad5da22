import { base, client } from '../../app/gateway.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { Chip } from '../../ui/chip.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { asCli, asCurl, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'

/** Live connections of all clients. */
export function Connections() {
  const query = useQuery('system.connections', { limit: 100 }, { every: 15_000 })
  return (
    <>
      <h2>Connections</h2>
      <Loaded query={query}>
        {({ connections, total }) => (
          <Table
            label="connections"
            columns={[
              { title: 'Caller', cell: ({ caller }) => revealed(caller) },
              {
                title: 'Session',
                cell: ({ sessionId }) => <a href={hashOf(['sessions', sessionId])}>{revealed(sessionId)}</a>
              },
              { title: 'Program', cell: ({ userAgent }) => revealed(userAgent) || '–' },
              { title: 'Address', cell: ({ address }) => address },
              {
                title: 'Since',
                cell: ({ connectedAt, current }) => (
                  <>
                    <Time at={connectedAt} /> {current && <Chip tone="good">this one</Chip>}
                  </>
                )
              },
              {
                title: 'Action',
                cell: ({ connectionId, caller, address }) => (
                  <Confirm
                    action={`Close the connection of ${revealed(caller)} from ${address}`}
                    consequence="Its runs go on. A client may connect again, as long as its credential is accepted."
                    onConfirm={async () => {
                      await client.call('system.closeConnection', { connectionId })
                      query.refresh()
                    }}
                  >
                    Close …
                  </Confirm>
                )
              }
            ]}
            rows={connections}
            total={total}
            id={({ connectionId }) => connectionId}
            empty={<p>No client is connected.</p>}
          />
        )}
      </Loaded>
      <p class="bar">
        <Copy text={() => asCli('system.connections', {})}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'system.connections', {})}>Copy as curl</Copy>
      </p>
    </>
  )
}
