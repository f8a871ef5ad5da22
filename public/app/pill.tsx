import { useEffect, useState } from 'preact/hooks'
import { Shape } from '../ui/chip.tsx'
import { toastFailure } from '../ui/toast.tsx'
import { client, connection, draining, hello, logOut } from './gateway.ts'
import { unsaved } from './unsaved.ts'
import { reload, updateReady } from './update.ts'

/** The one place that speaks about the connection. */
export function Pill() {
  const state = connection.value
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    if (state.name !== 'waiting') return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [state])
  const seconds = state.name === 'waiting' ? Math.max(0, Math.ceil((state.at - now) / 1000)) : 0
  const [tone, text] =
    state.name === 'connected'
      ? draining.value
        ? (['wait', 'Shutting down'] as const)
        : (['good', 'Connected'] as const)
      : state.name === 'refused'
        ? (['bad', 'Needs a token'] as const)
        : state.name === 'waiting'
          ? (['wait', 'No connection'] as const)
          : (['wait', 'Connecting'] as const)
  return (
    <section class="pill" aria-label="Connection">
      <p>
        <Shape tone={tone} /> <span role="status">{text}</span>
        {/* Not announced: a reader would hear nothing but seconds. */}
        {state.name === 'waiting' && <span aria-hidden="true">{`, again in ${seconds} s`}</span>}
      </p>
      {updateReady.value && <Update />}
      {state.name === 'waiting' && (
        <p class="muted">
          {state.reason}{' '}
          <button type="button" onClick={() => client.wake()}>
            Retry now
          </button>
        </p>
      )}
      {hello.value && <p class="muted">{`${hello.value.version} · ${hello.value.scopes.join(', ')}`}</p>}
      {state.name === 'connected' && (
        <p>
          <button type="button" class="plain" onClick={() => void logOut().catch(toastFailure)}>
            Log out
          </button>
        </p>
      )}
    </section>
  )
}

/** Offers the new build. The page is not reloaded while content would be lost. */
function Update() {
  const [reason] = unsaved.value
  return (
    <p>
      <span role="status">Update ready</span>{' '}
      <button type="button" disabled={reason !== undefined} onClick={() => void reload()}>
        Reload
      </button>
      {reason !== undefined && <span class="muted"> {reason}</span>}
    </p>
  )
}
