import { useEffect, useRef, useState } from 'preact/hooks'
import { EMPTY, type MarkdownText, parseText } from './markdown-text.ts'

/** Share of the time that parsing may take while a text grows: a long list is parsed anew as a whole. */
const MOST_BUSY = 0.2

/** The blocks of a text. While it grows, they may be those of a moment ago. */
export function useMarkdown(text: string, growing: boolean): MarkdownText {
  const parsed = useRef(EMPTY)
  const next = useRef(0)
  const [, redraw] = useState(0)
  const wait = growing && parsed.current.source !== text ? next.current - performance.now() : 0
  if (wait <= 0) {
    const from = performance.now()
    parsed.current = parseText(text, parsed.current, !growing)
    const now = performance.now()
    next.current = now + (now - from) * (1 / MOST_BUSY - 1)
  }
  useEffect(() => {
    if (wait <= 0) return
    const timer = setTimeout(() => redraw((count) => count + 1), wait)
    return () => clearTimeout(timer)
  })
  return parsed.current
}
