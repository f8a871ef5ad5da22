import type { MessageContent, SessionModel } from '../../rpc/client/model/index.ts'
import type { Tray } from './tray.ts'

/** Id of the input field. */
export const FIELD = 'chat-message'

/** Puts the content of a message that was taken back into the input field; beside it where something is written there. */
export function takeIntoField(model: SessionModel, tray: Tray, content: MessageContent): void {
  if (model.getSnapshot().draft !== '' || tray.files.length > 0) {
    tray.offer(content)
    focusField()
    return
  }
  putIntoField(model, tray, content)
}

/** Adds a content to the text in the input field. */
export function putIntoField(model: SessionModel, tray: Tray, content: MessageContent): void {
  model.setDraft([model.getSnapshot().draft, content.text].filter((text) => text !== '').join('\n'))
  tray.restore(content)
  document.getElementById(FIELD)?.focus()
}

/** Moves the focus to the input field. Not on a touch screen, where that brings up a keyboard. */
export function focusField(): void {
  if (matchMedia('(pointer: fine)').matches) document.getElementById(FIELD)?.focus()
}
