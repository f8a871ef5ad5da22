import { useState } from 'preact/hooks'
import { client } from '../../app/gateway.ts'
import { useAction } from '../../app/query.ts'
import { Confirm, Dialog } from '../../ui/dialog.tsx'
import { Buttons, Problem } from '../../ui/form.tsx'
import { attempt } from '../../ui/toast.tsx'

/** The part of a session that its actions need. */
export interface Actionable {
  readonly id: string
  readonly title: string | null
  readonly pinned: boolean
  readonly archived: boolean
}

/** Pin, archive, rename and delete one session. */
export function RowActions({ session, onDeleted }: { readonly session: Actionable; readonly onDeleted?: () => void }) {
  const { id: sessionId, pinned, archived } = session
  const update = (change: { pinned?: boolean; archived?: boolean }, done: string): void =>
    attempt(client.call('sessions.update', { sessionId, ...change }), done)
  return (
    <span class="row-actions">
      <button
        type="button"
        aria-label={`${pinned ? 'Unpin' : 'Pin'} ${sessionId}`}
        onClick={() => update({ pinned: !pinned }, `${sessionId} is ${pinned ? 'no longer pinned' : 'pinned'}`)}
      >
        {pinned ? 'Unpin' : 'Pin'}
      </button>
      <button
        type="button"
        aria-label={`${archived ? 'Restore' : 'Archive'} ${sessionId}`}
        onClick={() => update({ archived: !archived }, `${sessionId} is ${archived ? 'no longer archived' : 'archived'}`)}
      >
        {archived ? 'Restore' : 'Archive'}
      </button>
      <Rename session={session} />
      <Confirm
        action={`Delete ${sessionId}`}
        consequence="All its messages are gone. Work in progress is stopped."
        onConfirm={async () => {
          await client.call('sessions.delete', { sessionId })
          onDeleted?.()
        }}
      >
        <span class="unseen">{`${sessionId}: `}</span>Delete …
      </Confirm>
    </span>
  )
}

function Rename({ session }: { readonly session: Actionable }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" aria-label={`Rename ${session.id}`} onClick={() => setOpen(true)}>
        Rename
      </button>
      {open && <RenameDialog session={session} onClose={() => setOpen(false)} />}
    </>
  )
}

/** Asks for the title of a session. */
export function RenameDialog({
  session: { id: sessionId, title },
  onClose
}: {
  readonly session: Pick<Actionable, 'id' | 'title'>
  readonly onClose: () => void
}) {
  const { run, busy, error } = useAction((name: string) => client.call('sessions.update', { sessionId, title: name || null }))
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    if (await run(String(form.get('title')).trim())) onClose()
  }
  return (
    <Dialog title={`Title of ${sessionId}`} onClose={onClose}>
      <form onSubmit={save}>
        <label>
          Title; empty: made from the next message
          <input name="title" value={title ?? ''} maxLength={200} />
        </label>
        <Problem text={error?.message} />
        <Buttons action="Save" busy={busy} onCancel={onClose} />
      </form>
    </Dialog>
  )
}
