import { signal } from '@preact/signals'
import { client } from '../app/gateway.ts'
import { toast } from '../ui/toast.tsx'
import { forgetSession } from './names.ts'

/** Time in which a deletion can be undone. */
const UNDO_MS = 6000

/** Sessions that are not shown any more, and are about to be deleted. */
export const deleted = signal<ReadonlySet<string>>(new Set())

/** Deletes a session in some seconds; the page shows it no longer. Returns the function that undoes it. A page that is closed earlier deletes nothing. */
export function deleteSoon(sessionId: string): () => void {
  const show = (): void => {
    deleted.value = new Set([...deleted.value].filter((id) => id !== sessionId))
  }
  forgetSession(sessionId)
  deleted.value = new Set([...deleted.value, sessionId])
  const timer = setTimeout(() => {
    client
      .call('sessions.delete', { sessionId })
      .catch((error: Error) => toast(`It was not deleted: ${error.message}`, { bad: true }))
      .finally(show)
  }, UNDO_MS)
  return () => {
    clearTimeout(timer)
    show()
  }
}
