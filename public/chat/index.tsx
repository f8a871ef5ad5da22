import { useEffect } from 'preact/hooks'
import type { PageProps } from '../app/pages.ts'
import { hashOf } from '../app/route.ts'
import { route } from '../app/router.ts'
import './page.css'
import { Conversation } from './conversation.tsx'
import { lastSession, rememberSession } from './names.ts'
import { SessionList } from './session-list.tsx'

/** As wide as list and conversation need to stand side by side. */
const wide = matchMedia('(min-width: 721px)')

/** The chat: conversations, and the one of the address. On a phone one at a time. */
export default function Chat({ rest: [sessionId] }: PageProps) {
  const at = Number(route.value.query.get('at')) || undefined
  useEffect(() => {
    if (sessionId !== undefined) rememberSession(sessionId)
    // A list alone, beside which nothing stands, would be of no use.
    else if (wide.matches) location.replace(hashOf(['chat', lastSession()]))
  }, [sessionId])
  return (
    <div class={sessionId === undefined ? 'chat list-only' : 'chat'}>
      <SessionList current={sessionId} />
      {sessionId !== undefined && <Conversation key={sessionId} sessionId={sessionId} at={at} />}
    </div>
  )
}
