import { answerOf } from './confirm-words.ts'

/**
 * Answers the confirmation that has the focus, else the first one in `root`, with the reason that was typed there. The page calls it for
 * each `keydown`. Returns false for a key that means nothing here.
 */
export function answerByKey(event: KeyboardEvent, root: ParentNode): boolean {
  const approve = answerOf(event)
  if (approve === undefined) return false
  const asking = document.activeElement?.closest('[data-confirm]') ?? root.querySelector('[data-confirm]')
  const button = asking?.querySelector<HTMLButtonElement>(`[data-approve="${approve}"]`)
  if (!button) return false
  event.preventDefault()
  button.click()
  return true
}
