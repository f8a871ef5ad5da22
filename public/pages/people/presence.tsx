import { useQuery } from '../../app/query.ts'
import { Chip } from '../../ui/chip.tsx'
import { revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'

/** Senders, and when they were seen last. */
export function Presence() {
  const query = useQuery('system.presence', { limit: 200 }, { kinds: ['presence'], every: 60_000 })
  return (
    <>
      <h2>Presence</h2>
      <Loaded query={query}>
        {({ presence, summary }) => (
          <Table
            label="senders"
            columns={[
              {
                title: 'Sender',
                cell: ({ senderId, senderName }) =>
                  senderName ? `${revealed(senderName)} (${revealed(senderId)})` : revealed(senderId)
              },
              { title: 'Channel', cell: ({ channel }) => channel },
              {
                title: 'State',
                cell: ({ status, lastSeenAt }) =>
                  status === 'online' ? (
                    <Chip tone="good">
                      online, seen <Time at={lastSeenAt} />
                    </Chip>
                  ) : (
                    <Chip tone="idle">
                      stale since <Time at={lastSeenAt} />
                    </Chip>
                  )
              },
              { title: 'Messages', number: true, cell: ({ messageCount }) => messageCount }
            ]}
            rows={presence}
            total={summary.total}
            id={({ channel, senderId }) => `${channel}:${senderId}`}
            empty={<p>No one has written yet. Everyone who writes to the gateway appears here.</p>}
          />
        )}
      </Loaded>
    </>
  )
}
