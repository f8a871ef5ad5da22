import { useEffect, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client } from '../../app/gateway.ts'
import { useAction, useQuery } from '../../app/query.ts'
import { Confirm } from '../../ui/dialog.tsx'
import { asCurl, duration } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'

type Access = 'guest' | 'owner'
type Code = GatewayMethods['pairing.list']['result']['codes'][number]

/** Open pairing codes, and the form that makes one. */
export function Pairing() {
  const channels = useQuery('channels.list', {})
  const list = useQuery('pairing.list', {}, { kinds: ['pairing'] })
  const [made, setMade] = useState<{
    readonly code: string
    readonly channel: string
    readonly access: Access
    readonly end: number
  }>()
  const { run, busy, error } = useAction(async (channel: string, access: Access) => {
    const { code, expiresAt } = await client.call('pairing.generate', { channel, access })
    setMade({ code, channel, access, end: Date.parse(expiresAt) })
  })
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    void run(String(form.get('channel')), form.get('access') === 'owner' ? 'owner' : 'guest')
  }
  const open = made && list.data?.codes.some(({ code }) => code === made.code)
  return (
    <section class="card" aria-label="Pairing">
      <h2>Let someone in</h2>
      <p class="muted">
        A person sends the code to the gateway in the messenger, once. Treat it as a password: it lets in the first one who sends
        it.
      </p>
      <form class="bar" onSubmit={submit}>
        <label>
          Channel{' '}
          <select name="channel">
            {(channels.data?.channels ?? []).map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          As{' '}
          <select name="access">
            <option value="guest">guest: own memory, tools of guests</option>
            <option value="owner">owner: shares memory and tools with you</option>
          </select>
        </label>
        <button type="submit" class="primary" disabled={busy || !channels.data}>
          Make a code
        </button>
      </form>
      {(error ?? channels.error) && (
        <p class="bad" role="alert">
          {(error ?? channels.error)?.message}
        </p>
      )}
      {made && (
        <div class="made" role="status">
          <p class="code">{made.code}</p>
          <Left end={made.end} open={open !== false} />
          <p class="bar">
            <Copy text={() => made.code}>Copy the code</Copy>
            <Copy text={() => asCurl(base, 'pairing.generate', { channel: made.channel, access: made.access })}>
              Copy as curl
            </Copy>
            <code>{`npx flynn-gateway pair ${made.channel}${made.access === 'owner' ? ' --owner' : ''}`}</code>
          </p>
        </div>
      )}
      <Loaded query={list}>
        {({ codes }) => (
          <Table<Code>
            label="open codes"
            columns={[
              { title: 'Code', cell: ({ code }) => <code>{code}</code> },
              { title: 'Channel', cell: ({ channel }) => channel },
              { title: 'Access', cell: ({ access }) => access },
              { title: 'Ends', cell: ({ expiresAt }) => <Time at={Date.parse(expiresAt)} /> },
              {
                title: 'Action',
                cell: ({ code }) => (
                  <Confirm
                    action={`Revoke the code ${code}`}
                    consequence="It lets no one in any more."
                    onConfirm={() => client.call('pairing.revoke', { code })}
                  >
                    Revoke …
                  </Confirm>
                )
              }
            ]}
            rows={codes}
            id={({ code }) => code}
            empty={<p>No code is open.</p>}
          />
        )}
      </Loaded>
    </section>
  )
}

/** Time that is left of a code. It was used or revoked when the gateway no longer lists it before its end. */
function Left({ end, open }: { readonly end: number; readonly open: boolean }) {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [end])
  const left = Math.max(0, end - now)
  if (left === 0) return <p class="bad">It has expired.</p>
  if (!open) return <p class="good">It was used or revoked.</p>
  // Not announced: a reader would hear nothing but seconds.
  return (
    <p class="muted" aria-live="off">
      {`${duration(Math.ceil(left / 1000) * 1000)} left`}
    </p>
  )
}
