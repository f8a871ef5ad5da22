import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { useKept, useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Time } from '../../ui/time.tsx'

const LIMIT = 20
/** Quiet time after a key before the gateway searches. */
const QUIET_MS = 250

/** Messages of all sessions in which words occur, each with a link to its place in the session, or in the chat. */
export function Found({ words, page = 'sessions' }: { readonly words: string; readonly page?: 'sessions' | 'chat' }) {
  const [text, setText] = useState(words.trim())
  useEffect(() => {
    const timer = setTimeout(() => setText(words.trim()), QUIET_MS)
    return () => clearTimeout(timer)
  }, [words])
  const query = useKept(useQuery('sessions.search', { text, limit: LIMIT }, { when: text !== '' }))
  return (
    <section class="card" aria-label="Messages found">
      <Loaded query={query}>
        {({ messages, nextCursor }) => (
          <>
            {messages.length === 0 && <p>No message has these words.</p>}
            <ol class="steps">
              {messages.map(({ id, sessionId, title, role, createdAt, snippet, matches }) => (
                <li key={id}>
                  <a href={hashOf([page, sessionId], { at: String(id) })}>{revealed(title ?? sessionId)}</a>{' '}
                  <span class="muted">
                    {role === 'user' ? 'asked' : 'answered'} <Time at={createdAt} />
                  </span>
                  <div>{marked(snippet, matches as [number, number][])}</div>
                </li>
              ))}
            </ol>
            <p class="muted">
              {nextCursor
                ? `The newest ${messages.length} messages; there are more`
                : `${messages.length} of ${messages.length} messages`}
            </p>
          </>
        )}
      </Loaded>
    </section>
  )
}

/** A text with its matches marked. */
function marked(text: string, matches: readonly [number, number][]): ComponentChildren[] {
  const parts: ComponentChildren[] = []
  let from = 0
  for (const [start, end] of matches) {
    parts.push(revealed(text.slice(from, start)), <mark key={start}>{revealed(text.slice(start, end))}</mark>)
    from = end
  }
  parts.push(revealed(text.slice(from)))
  return parts
}
