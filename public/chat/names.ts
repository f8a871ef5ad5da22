import { uniqueId } from '../../rpc/client/socket.ts'
import { PLACE } from '../app/browser.ts'

const LAST = `${PLACE}session`

/** Id of a session that does not exist yet. The page names its sessions itself, and a name must not be guessed. */
export function newSession(): string {
  return `web:${uniqueId()}`
}

/** The session that this browser showed last, or a new one. */
export function lastSession(): string {
  return localStorage.getItem(LAST) ?? newSession()
}

export function rememberSession(sessionId: string): void {
  localStorage.setItem(LAST, sessionId)
}

/** It is to be deleted: the chat does not begin with it. */
export function forgetSession(sessionId: string): void {
  if (localStorage.getItem(LAST) === sessionId) localStorage.removeItem(LAST)
}
