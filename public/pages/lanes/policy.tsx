import { useState } from 'preact/hooks'
import { client } from '../../app/gateway.ts'
import { useAction } from '../../app/query.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Buttons, Problem } from '../../ui/form.tsx'
import type { Lane } from './index.tsx'

const MODES = ['collect', 'followup', 'steer', 'steer_backlog', 'interrupt'] as const

/** The policy in force, where it comes from, and the way to change it. */
export function PolicyEditor({ lane, editable }: { readonly lane: Lane; readonly editable: boolean }) {
  const [open, setOpen] = useState(false)
  const { policy, origin, sessionId } = lane
  const own = Object.values(origin).includes('session')
  const { run, busy, error } = useAction((queue: Record<string, unknown> | null) =>
    client.call('sessions.configure', { sessionId, queue } as never)
  )
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const done = await run({ mode: form.get('mode'), cap: Number(form.get('cap')), debounceMs: Number(form.get('debounce')) })
    if (done) setOpen(false)
  }
  return (
    <p class="muted">
      {`${policy.mode} (from ${origin.mode}) · at most ${policy.cap} (${origin.cap}) · ${policy.overflow} · ${policy.debounceMs} ms of quiet `}
      {editable && (
        <button type="button" class="plain" onClick={() => setOpen(true)} aria-label={`Change the policy of ${sessionId}`}>
          Change
        </button>
      )}
      {editable && own && (
        <button type="button" class="plain" onClick={() => void run(null)} aria-label={`Reset the policy of ${sessionId}`}>
          Reset
        </button>
      )}
      {open && (
        <Dialog title={`Policy of ${sessionId}`} onClose={() => setOpen(false)}>
          <form onSubmit={save} class="card">
            <label>
              A message that comes while the agent is busy
              <select name="mode" value={policy.mode}>
                {MODES.map((mode) => (
                  <option key={mode} value={mode}>
                    {mode}
                  </option>
                ))}
              </select>
            </label>
            <label>
              Most waiting messages
              <input name="cap" type="number" min={1} max={1000} value={policy.cap} />
            </label>
            <label>
              Milliseconds of quiet before collected messages are answered
              <input name="debounce" type="number" min={0} max={60_000} value={policy.debounceMs} />
            </label>
            <Problem text={error?.message} />
            <Buttons action="Save" busy={busy} onCancel={() => setOpen(false)} />
          </form>
        </Dialog>
      )}
    </p>
  )
}
