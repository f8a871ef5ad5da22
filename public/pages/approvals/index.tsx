import { useEffect, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { access, base, client, may } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { useAction, useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { asCli, asCurl, duration, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Copy, Json } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'

type Confirmation = GatewayMethods['confirmations.list']['result']['confirmations'][number]

const LIMIT = 50

/** Tool calls of all sessions that wait for a person. */
export default function Approvals(_props: PageProps) {
  const query = useQuery('confirmations.list', { limit: LIMIT }, { kinds: ['confirm'] })
  return (
    <Loaded query={query}>
      {({ confirmations, total }) =>
        confirmations.length === 0 ? (
          <div class="empty">
            <p>Nothing waits. Tools in tools.confirm ask here.</p>
          </div>
        ) : (
          <>
            {may('write') && (
              <p class="muted">
                In the first call, or where the focus is: <kbd>Ctrl Alt Enter</kbd> (⌘ ⌥ ⏎) allows, <kbd>Ctrl Alt Backspace</kbd>{' '}
                refuses.
              </p>
            )}
            <div class="cards">
              {confirmations.map((confirmation, at) => (
                <Call key={confirmation.callId} confirmation={confirmation} first={at === 0} />
              ))}
            </div>
            <p class="muted">{`${confirmations.length} of ${total} calls`}</p>
          </>
        )
      }
    </Loaded>
  )
}

function Call({ confirmation, first }: { readonly confirmation: Confirmation; readonly first: boolean }) {
  const { callId, sessionId, runId, owner, tool, args, expiresAt } = confirmation
  const [reason, setReason] = useState('')
  const [now, setNow] = useState(access.now())
  const write = may('write')
  const { run, busy, error } = useAction((approve: boolean) =>
    client.call('agent.confirmTool', { callId, approve, ...(approve || reason === '' ? {} : { reason }) })
  )
  const answer = async (approve: boolean): Promise<void> => {
    if (await run(approve)) toast(`${tool} is ${approve ? 'allowed' : 'refused'}`)
  }
  useEffect(() => {
    const timer = setInterval(() => setNow(access.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  useEffect(() => {
    if (!write) return
    const keys = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || !event.altKey || event.repeat || busy) return
      if (event.key !== 'Enter' && event.key !== 'Backspace') return
      // The call with the focus is meant; without one, the first.
      const focused = document.activeElement?.closest('[data-call]')?.getAttribute('data-call')
      if (focused ? focused !== callId : !first) return
      event.preventDefault()
      void answer(event.key === 'Enter')
    }
    addEventListener('keydown', keys)
    return () => removeEventListener('keydown', keys)
  })
  return (
    <section class="card" aria-label={`${tool} in ${sessionId}`} data-call={callId}>
      <div class="bar">
        <h2>{revealed(tool)}</h2>
        <span>{expiresAt > now ? `${duration(Math.ceil((expiresAt - now) / 1000) * 1000)} left` : 'out of time'}</span>
      </div>
      <p class="muted">
        For {owner} in <a href={hashOf(['sessions', sessionId])}>{revealed(sessionId)}</a>,{' '}
        <a href={hashOf(['sessions', sessionId, runId])}>this run</a>
      </p>
      {args ? <Json value={args} label={`Arguments of ${tool}`} /> : <p class="muted">The arguments are not here.</p>}
      {write && (
        <>
          <label>
            Reason of a refusal, for the model
            <input value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          {error && (
            <p class="bad" role="alert">
              {error.message}
            </p>
          )}
          <p class="actions">
            <button
              type="button"
              disabled={busy}
              aria-keyshortcuts="Control+Alt+Backspace Meta+Alt+Backspace"
              onClick={() => void answer(false)}
            >
              Refuse
            </button>
            <button
              type="button"
              class="primary"
              disabled={busy}
              aria-keyshortcuts="Control+Alt+Enter Meta+Alt+Enter"
              onClick={() => void answer(true)}
            >
              Allow
            </button>
          </p>
        </>
      )}
      <p>
        <Copy text={() => asCli('agent.confirmTool', { callId, approve: true })}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'agent.confirmTool', { callId, approve: true })}>Copy as curl</Copy>
      </p>
    </section>
  )
}
