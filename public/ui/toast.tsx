import { signal } from '@preact/signals'

const SHOWN_MS = 6000
interface Toast {
  readonly id: number
  readonly text: string
  readonly bad: boolean
  readonly undo: (() => void) | undefined
}

const shown = signal<readonly Toast[]>([])
let last = 0

/** Says something for some seconds, with a button that undoes it; failures stay until they are dismissed. */
export function toast(text: string, { bad = false, undo }: { readonly bad?: boolean; readonly undo?: () => void } = {}): void {
  const id = ++last
  shown.value = [...shown.value.slice(-3), { id, text, bad, undo }]
  if (!bad) setTimeout(() => dismiss(id), SHOWN_MS)
}

/** Says how some work ended. */
export function attempt(work: Promise<unknown>, done: string): void {
  work.then(
    () => toast(done),
    (error: Error) => toast(error.message, { bad: true })
  )
}

/** Shows why an action failed. */
export function toastFailure(error: Error): void {
  toast(error.message, { bad: true })
}

function dismiss(id: number): void {
  shown.value = shown.value.filter((one) => one.id !== id)
}

/** The place of the toasts. Screen readers hear them. */
export function Toasts() {
  return (
    <div class="toasts" aria-live="polite">
      {shown.value.map(({ id, text, bad, undo }) => (
        <p key={id} class={bad ? 'toast failed' : 'toast'}>
          {text}
          {undo && (
            <button
              type="button"
              onClick={() => {
                undo()
                dismiss(id)
              }}
            >
              Undo
            </button>
          )}
          <button type="button" class="plain" aria-label={`Dismiss: ${text}`} onClick={() => dismiss(id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  )
}
