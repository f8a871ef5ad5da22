import { useState } from 'preact/hooks'
import { client } from '../../app/gateway.ts'
import { useAction } from '../../app/query.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Buttons, Problem } from '../../ui/form.tsx'
import { toast } from '../../ui/toast.tsx'

/** A button that sends a push notification to a node. */
export function Push({ nodeId }: { readonly nodeId: string }) {
  const [open, setOpen] = useState(false)
  const { run, busy, error } = useAction(async (title: string, body: string) => {
    const { delivered, reason, provider } = await client.call('node.push', { nodeId, title, body })
    if (!delivered) throw new Error(`${provider} did not deliver it: ${reason ?? 'it gave no reason'}`)
    toast(`${provider} has accepted the notification`)
    setOpen(false)
  })
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    void run(String(form.get('title')), String(form.get('body')))
  }
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Push …
      </button>
      {open && (
        <Dialog title={`Notify ${nodeId}`} onClose={() => setOpen(false)}>
          <form class="form" onSubmit={submit}>
            <label>
              Title
              <input name="title" required maxLength={256} />
            </label>
            <label>
              Text
              <input name="body" required maxLength={2048} />
            </label>
            <Problem text={error?.message} />
            <Buttons action="Send" busy={busy} onCancel={() => setOpen(false)} />
          </form>
        </Dialog>
      )}
    </>
  )
}
