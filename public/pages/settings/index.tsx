import { client, logOut } from '../../app/gateway.ts'
import { useQuery } from '../../app/query.ts'
import { chooseTheme, theme } from '../../app/theme.ts'
import { Confirm } from '../../ui/dialog.tsx'
import { revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Time } from '../../ui/time.tsx'

const THEMES = [
  { id: 'system', title: 'As the system' },
  { id: 'light', title: 'Light' },
  { id: 'dark', title: 'Dark' }
] as const

const SHORTCUTS = [
  ['Ctrl K, ⌘ K', 'Go to a page, session, tool or method; do something'],
  ['Escape', 'Close a dialog'],
  ['Tab, then Enter', 'Skip the navigation']
] as const

/** This browser, and the logins of its token. */
export default function Settings() {
  const query = useQuery('auth.logins', {})
  return (
    <>
      <section class="card" aria-label="Theme">
        <h2>Colours</h2>
        <Tabs label="Colours" tabs={THEMES} value={theme.value} onChange={chooseTheme} />
      </section>
      <section class="card" aria-label="Logins">
        <h2>Logins</h2>
        <Loaded query={query}>
          {({ logins, total }) => (
            <>
              <Table
                label="logins"
                rows={logins}
                id={({ loginId }) => loginId}
                total={total}
                empty={<p>No browser is logged in with “Remember on this device”.</p>}
                columns={[
                  { title: 'Program', cell: ({ userAgent, current }) => `${revealed(userAgent)}${current ? ' (this one)' : ''}` },
                  { title: 'Token', cell: ({ token }) => token },
                  { title: 'Address', cell: ({ address }) => address },
                  { title: 'Last seen', cell: ({ lastSeenAt }) => <Time at={lastSeenAt} /> },
                  {
                    title: 'Action',
                    cell: ({ loginId, userAgent }) => (
                      <Confirm
                        action={`Log out ${userAgent.slice(0, 40)}`}
                        consequence="Its connections close at once, and it needs the token to come back."
                        onConfirm={async () => {
                          await client.call('auth.revokeLogin', { loginId })
                          query.refresh()
                        }}
                      >
                        Log out …
                      </Confirm>
                    )
                  }
                ]}
              />
              {logins.length > 0 && (
                <p>
                  <Confirm
                    action="Log out everywhere"
                    consequence="Every browser with this token is logged out, this one too."
                    onConfirm={async () => {
                      await client.call('auth.revokeLogins', { all: true })
                      await logOut()
                    }}
                  >
                    Log out everywhere …
                  </Confirm>
                </p>
              )}
            </>
          )}
        </Loaded>
      </section>
      <section class="card" aria-label="Shortcuts">
        <h2>Shortcuts</h2>
        <dl class="facts">
          {SHORTCUTS.map(([keys, what]) => (
            <div key={keys} class="pair">
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  )
}
