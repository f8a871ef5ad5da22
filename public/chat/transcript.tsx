import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ChatTurn, HistoryState } from '../../rpc/client/model/index.ts'

/** Pixels from the end at which a reader still counts as being there. */
const NEAR_END = 48
/** Pixels from the beginning at which older turns are loaded. */
const NEAR_BEGINNING = 600

export interface TranscriptProps {
  readonly turns: readonly ChatTurn[]
  readonly history: HistoryState
  readonly onOlder: () => void
  /** Draws a turn. */
  readonly children: (turn: ChatTurn) => ComponentChildren
  /** Stands behind the last turn. */
  readonly end: ComponentChildren
  /** Stands in place of the turns where there are none. */
  readonly empty: ComponentChildren
  /** Turn that comes into view first, instead of the newest. */
  readonly at: string | undefined
}

/**
 * The turns, oldest first. A reader at the end stays at the end as text arrives. Older turns are loaded before the beginning is reached, and
 * the text being read keeps its place.
 */
export function Transcript({ turns, history, onOlder, children, end, empty, at }: TranscriptProps) {
  const log = useRef<HTMLElement>(null)
  const column = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const [away, setAway] = useState(false)
  /** First turn, and the height of the log, when they were drawn last. */
  const drawn = useRef<{ first: string | undefined; height: number }>({ first: undefined, height: 0 })
  const shown = useRef<string | undefined>(undefined)

  const toEnd = (): void => {
    const place = log.current
    if (place) place.scrollTop = place.scrollHeight
  }
  const older = (): void => {
    const place = log.current
    if (place && place.scrollTop < NEAR_BEGINNING && history.older && !history.loading && !history.full) onOlder()
  }
  const scrolled = (): void => {
    const place = log.current
    if (!place) return
    atEnd.current = place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_END
    setAway(!atEnd.current)
    older()
  }

  useLayoutEffect(() => {
    const place = log.current
    if (!place) return
    const first = turns[0]?.key
    const { first: before, height } = drawn.current
    // Turns came before those that are read.
    if (before !== undefined && before !== first && !atEnd.current && turns.some(({ key }) => key === before)) {
      place.scrollTop += place.scrollHeight - height
    }
    drawn.current = { first, height: place.scrollHeight }
    if (at !== undefined && at !== shown.current) {
      shown.current = at
      atEnd.current = false
      document.getElementById(at)?.scrollIntoView({ block: 'center' })
    } else if (atEnd.current) toEnd()
    older()
  })
  useLayoutEffect(() => {
    // Also images that load, the keyboard of a phone, and a composer that grows.
    const sizes = new ResizeObserver(() => {
      if (atEnd.current) toEnd()
    })
    if (column.current) sizes.observe(column.current)
    if (log.current) sizes.observe(log.current)
    return () => sizes.disconnect()
  }, [])

  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <section ref={log} class="chat-log" tabIndex={0} aria-label="Messages" aria-busy={history.loading} onScroll={scrolled}>
        <div ref={column} class="chat-column">
          {history.loaded && (history.older || history.full) && (
            <p class="chat-older muted">
              {history.full ? (
                'More messages than these are not kept on the page: search finds them.'
              ) : history.loading ? (
                'Loading older messages …'
              ) : (
                <button type="button" class="plain" onClick={onOlder}>
                  Older messages
                </button>
              )}
            </p>
          )}
          {turns.length === 0 && (history.loaded ? empty : <p class="muted">Loading the conversation …</p>)}
          {turns.map((turn) => (
            <div key={turn.key} id={`turn-${turn.key}`} class="chat-place">
              {children(turn)}
            </div>
          ))}
          {end}
        </div>
      </section>
      {away && (
        <button
          type="button"
          class="chat-latest"
          onClick={() => {
            atEnd.current = true
            setAway(false)
            toEnd()
          }}
        >
          Jump to latest
        </button>
      )}
    </>
  )
}
