import { createHash } from 'node:crypto'
import { printable } from '../../security/sanitize.ts'

/** What a person sees of an answer: enough to know what it is about. The page has all of it. */
const PREVIEW = 160

export interface Notification {
  readonly payload: Buffer
  /** One notification a session is kept by a push service: the newest. */
  readonly topic: string
}

/** What a browser is told of an answer: where it is, and how it begins. */
export function notificationOf({ sessionId, runId, text }: { sessionId: string; runId: string; text: string }): Notification {
  const preview = printable(text, PREVIEW).trim()
  return {
    payload: Buffer.from(JSON.stringify({ sessionId, runId, preview })),
    topic: createHash('sha256').update(sessionId).digest('base64url').slice(0, 32)
  }
}
