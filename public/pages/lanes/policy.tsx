import { useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { client } from '../../app/gateway.ts'
import { useAction } from '../../app/query.ts'
import { MODE_WORDS, MODES } from '../../chat/queue-mode.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Buttons, Problem } from '../../ui/form.tsx'
import type { Lane } from './index.tsx'

type QueueChange = NonNullable<GatewayMethods['sessions.configure']['params']['queue']>

/** The policy in force, where it comes from, and the way to change it. */
export function PolicyEditor({ lane, editable }: { readonly lane: Lane; readonly editable: boolean }) {
  const [open, setOpen] = useState(false)
  const { policy, origin, sessionId } = lane
  const own = Object.values(origin).includes('session')
  const configure = (queue: QueueChange | null): Promise<unknown> => client.call('sessions.configure', { sessionId, queue })
  const { run } = useAction(configure)
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
      {open && <PolicyDialog title={`Policy of ${sessionId}`} policy={policy} save={configure} onClose={() => setOpen(false)} />}
    </p>
  )
}

export interface PolicyDialogProps {
  readonly title: string
  readonly policy: Lane['policy']
  readonly save: (change: QueueChange) => Promise<unknown>
  readonly onClose: () => void
}

/** Asks for the policy of a session. */
export function PolicyDialog({ title, policy, save, onClose }: PolicyDialogProps) {
  const { run, busy, error } = useAction(save)
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const mode = MODES.find((one) => one === form.get('mode'))
    const done = await run({ mode, cap: Number(form.get('cap')), debounceMs: Number(form.get('debounce')) })
    if (done) onClose()
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit} class="card">
        <label>
          A message that comes while the agent is busy
          <select name="mode" value={policy.mode}>
            {MODES.map((mode) => (
              <option key={mode} value={mode}>
                {`${mode}: ${MODE_WORDS[mode]}`}
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
        <Buttons action="Save" busy={busy} onCancel={onClose} />
      </form>
    </Dialog>
  )
}
