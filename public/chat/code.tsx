import { useEffect, useState } from 'preact/hooks'
import { revealed } from '../ui/format.ts'
import { memo } from '../ui/memo.ts'
import { Copy } from '../ui/text.tsx'
import type { CodePiece } from './highlight.ts'

/** Lines of one piece of a long block: while it grows, only its last piece is laid out again. */
const LINES = 50

/** A block of code: its language, a button that copies it, and the code with hidden characters spelled out. */
export const Code = memo(function Code({
  text,
  language,
  growing
}: {
  readonly text: string
  readonly language?: string | undefined
  readonly growing: boolean
}) {
  const pieces = useHighlight(text, growing ? undefined : language)
  return (
    <figure class="chat-code">
      <figcaption>
        <span>{language ?? 'text'}</span>
        <Copy text={() => text}>Copy</Copy>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <pre tabIndex={0} dir="ltr">
        <code>{pieces ? pieces.map(colored) : slices(text).map(sliced)}</code>
      </pre>
    </figure>
  )
})

const Slice = memo(function Slice({ text }: { readonly text: string }) {
  return <span class="chat-slice">{revealed(text)}</span>
})

function sliced(text: string, at: number) {
  return <Slice key={at} text={text} />
}

/** The lines of a text, some at a time. */
function slices(text: string): readonly string[] {
  const lines = text.split('\n')
  return Array.from({ length: Math.ceil(lines.length / LINES) }, (_, at) => lines.slice(at * LINES, (at + 1) * LINES).join('\n'))
}

function colored({ text, kind }: CodePiece, at: number) {
  return kind === undefined ? (
    revealed(text)
  ) : (
    <span key={at} class={`chat-${kind}`}>
      {revealed(text)}
    </span>
  )
}

/** The pieces once the language was loaded; undefined before, and for one that is not known. */
function useHighlight(text: string, language: string | undefined): readonly CodePiece[] | undefined {
  const [done, setDone] = useState<{ readonly text: string; readonly pieces: readonly CodePiece[] | undefined }>()
  useEffect(() => {
    if (language === undefined) return
    let current = true
    void import('./highlight.ts')
      .then(({ highlight }) => highlight(text, language))
      .then(
        (pieces) => current && setDone({ text, pieces }),
        // Offline, or a build that is gone: the code stays without colours.
        () => undefined
      )
    return () => {
      current = false
    }
  }, [text, language])
  return done?.text === text ? done.pieces : undefined
}
