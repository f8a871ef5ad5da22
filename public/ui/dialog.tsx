import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

/** A dialog; the focus returns to where it was when it closes. */
export function Dialog({
  title,
  onClose,
  children
}: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  // Before the next key, which belongs into the dialog.
  useLayoutEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    return () => (before as HTMLElement | null)?.focus?.()
  }, [])
  return (
    <dialog ref={dialog} aria-label={title} onClose={onClose}>
      <h2>{title}</h2>
      {children}
    </dialog>
  )
}

export interface ConfirmProps {
  /** The action with its object: "Delete web:4ac4". */
  readonly action: string
  /** The change that follows. */
  readonly consequence: string
  readonly onConfirm: (reason: string) => Promise<unknown>
  /** Asks for a reason, and what for. */
  readonly reason?: string
  readonly danger?: boolean
  readonly children: ComponentChildren
}

/** A button whose action needs a second step that names the object. A failure is shown where it happened. */
export function Confirm({ action, consequence, onConfirm, reason, danger = true, children }: ConfirmProps) {
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  const [why, setWhy] = useState('')
  const confirm = async (event: Event): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    try {
      await onConfirm(why)
      setOpen(false)
    } catch (error) {
      setProblem((error as Error).message)
    }
    setBusy(false)
  }
  return (
    <>
      <button type="button" onClick={() => [setProblem(undefined), setOpen(true)]}>
        {children}
      </button>
      {open && (
        <Dialog title={`${action}?`} onClose={() => setOpen(false)}>
          <form onSubmit={confirm}>
            <p>{consequence}</p>
            {reason !== undefined && (
              <label>
                {reason}
                <input value={why} maxLength={500} onInput={(event) => setWhy(event.currentTarget.value)} />
              </label>
            )}
            {problem && (
              <p class="bad" role="alert">
                {problem}
              </p>
            )}
            <p class="actions">
              <button type="button" onClick={() => setOpen(false)}>
                Cancel
              </button>
              <button type="submit" class={danger ? 'danger' : 'primary'} disabled={busy}>
                {action}
              </button>
            </p>
          </form>
        </Dialog>
      )}
    </>
  )
}
