import { client } from '../../app/gateway.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { Confirm } from '../../ui/dialog.tsx'
import { revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'

/** Unknown senders who have written. */
export function Requests() {
  const query = useQuery('pairing.requests', {}, { kinds: ['pairing'], every: 15_000 })
  return (
    <>
      <h2>Want to be let in</h2>
      <Loaded query={query}>
        {({ requests, total }) => (
          <Table
            label="requests"
            columns={[
              {
                title: 'Sender',
                cell: ({ channel, senderId, senderName }) =>
                  `${revealed(senderName ?? senderId)} (${channel}${senderName ? `, ${revealed(senderId)}` : ''})`
              },
              { title: 'Messages', number: true, cell: ({ count }) => count },
              { title: 'Last', cell: ({ lastAt }) => <Time at={Date.parse(lastAt)} /> },
              {
                title: 'Action',
                cell: ({ channel, senderId, senderName }) => (
                  <span class="bar">
                    <Confirm
                      action={`Let ${revealed(senderName ?? senderId)} in as a guest`}
                      consequence={`Messages of ${revealed(senderId)} on ${channel} reach the agent from then on.`}
                      danger={false}
                      onConfirm={() => client.call('pairing.approve', { channel, senderId })}
                    >
                      Let in …
                    </Confirm>
                    <Confirm
                      action={`Ignore ${revealed(senderName ?? senderId)}`}
                      consequence="The request is forgotten until the sender writes again."
                      danger={false}
                      onConfirm={async () => {
                        await client.call('pairing.dismiss', { channel, senderId })
                        query.refresh()
                      }}
                    >
                      Ignore …
                    </Confirm>
                  </span>
                )
              }
            ]}
            rows={requests}
            total={total}
            id={({ channel, senderId }) => `${channel}:${senderId}`}
            empty={<p>No unknown sender has written. One who writes without a code appears here.</p>}
          />
        )}
      </Loaded>
    </>
  )
}

/** Senders who were let in. */
export function LetIn() {
  const query = useQuery('pairing.list', {}, { kinds: ['pairing'] })
  return (
    <>
      <h2>Were let in</h2>
      <Loaded query={query}>
        {({ senders = [] }) => (
          <Table
            label="paired senders"
            columns={[
              {
                title: 'Sender',
                cell: ({ channel, senderId }) => <a href={hashOf(['sessions', `${channel}:${senderId}`])}>{revealed(senderId)}</a>
              },
              { title: 'Channel', cell: ({ channel }) => channel },
              { title: 'Access', cell: ({ access }) => access },
              { title: 'Since', cell: ({ pairedAt }) => <Time at={Date.parse(pairedAt)} /> },
              {
                title: 'Action',
                cell: ({ channel, senderId }) => (
                  <Confirm
                    action={`Shut ${revealed(senderId)} out of ${channel}`}
                    consequence="Messages of this sender no longer reach the agent. A new code lets the sender in again."
                    onConfirm={() => client.call('pairing.revoke', { channel, senderId })}
                  >
                    Shut out …
                  </Confirm>
                )
              }
            ]}
            rows={senders}
            id={({ channel, senderId }) => `${channel}:${senderId}`}
            empty={<p>No one was let in by a code yet. Make one above, and send it to the gateway in the messenger.</p>}
          />
        )}
      </Loaded>
    </>
  )
}
