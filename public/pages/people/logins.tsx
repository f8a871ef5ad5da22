import { client } from '../../app/gateway.ts'
import { useQuery } from '../../app/query.ts'
import { Chip } from '../../ui/chip.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'

/** Browsers that are signed in. */
export function Logins() {
  const query = useQuery('auth.logins', {}, { every: 30_000 })
  return (
    <>
      <h2>Signed-in browsers</h2>
      <Loaded query={query}>
        {({ logins, total }) => (
          <Table
            label="logins"
            columns={[
              { title: 'Token', cell: ({ token }) => token },
              { title: 'Browser', cell: ({ userAgent }) => revealed(userAgent) },
              { title: 'Address', cell: ({ address }) => address },
              {
                title: 'Last seen',
                cell: ({ lastSeenAt, current }) => (current ? <Chip tone="good">this one</Chip> : <Time at={lastSeenAt} />)
              },
              {
                title: 'Action',
                cell: ({ loginId, token, address, current }) => (
                  <Confirm
                    action={`Sign out ${current ? 'this browser' : `${token} at ${address}`}`}
                    consequence="Its connections are closed; it has to give a token again."
                    onConfirm={async () => {
                      await client.call('auth.revokeLogin', { loginId })
                      query.refresh()
                    }}
                  >
                    Sign out …
                  </Confirm>
                )
              }
            ]}
            rows={logins}
            total={total}
            id={({ loginId }) => loginId}
            empty={<p>No browser is signed in. One that logs in with a token and is remembered appears here.</p>}
          />
        )}
      </Loaded>
    </>
  )
}
