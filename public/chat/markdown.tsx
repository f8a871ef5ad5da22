import type { ComponentChild } from 'preact'
import { createElement } from 'preact'
import { useRef } from 'preact/hooks'
import { memo } from '../ui/memo.ts'
import { Code } from './code.tsx'
import type { MarkdownElement, MarkdownNode } from './markdown.ts'
import { useMarkdown } from './use-markdown.ts'

/** Blocks that are laid out as one: what grows below them does not move through all of them. */
const CHUNK = 32

/** A text in Markdown. `growing`: more of it may follow; then only its last block is parsed and drawn again. */
export const Markdown = memo(function Markdown({ text, growing }: { readonly text: string; readonly growing: boolean }) {
  const { settled, tail } = useMarkdown(text, growing)
  const blocks = tail.length === 0 ? settled : [...settled, ...tail]
  const chunks = useRef<readonly (readonly MarkdownElement[])[]>([])
  chunks.current = chunked(blocks, chunks.current)
  return (
    <div class="chat-text">
      {chunks.current.map((chunk, at) => (
        <Chunk
          // biome-ignore lint/suspicious/noArrayIndexKey: a block stays where it is
          key={at}
          blocks={chunk}
          settled={growing ? Math.min(CHUNK, settled.length - at * CHUNK) : CHUNK}
        />
      ))}
    </div>
  )
})

/** The blocks, some at a time; those that did not change in the array that they had before. */
function chunked(blocks: readonly MarkdownElement[], before: readonly (readonly MarkdownElement[])[]) {
  return Array.from({ length: Math.ceil(blocks.length / CHUNK) }, (_, at) => {
    const chunk = blocks.slice(at * CHUNK, (at + 1) * CHUNK)
    const known = before[at]
    return known?.length === chunk.length && chunk.every((block, index) => block === known[index]) ? known : chunk
  })
}

interface ChunkProps {
  readonly blocks: readonly MarkdownElement[]
  /** Number of blocks that more text does not change. */
  readonly settled: number
}

const Chunk = memo(function Chunk({ blocks, settled }: ChunkProps) {
  return (
    <div class="chat-chunk">
      {blocks.map((block, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a block stays where it is
        <Block key={at} node={block} growing={at >= settled} />
      ))}
    </div>
  )
})

const Block = memo(function Block({ node, growing }: { readonly node: MarkdownElement; readonly growing: boolean }) {
  return drawn(node, growing)
})

function drawn(node: MarkdownNode, growing: boolean): ComponentChild {
  if (typeof node === 'string') return node
  const { tag, children, href = '', start, done, align, language } = node
  if (tag === 'pre') return <Code text={String(children[0] ?? '')} language={language} growing={growing} />
  const inner = children.map((child) => drawn(child, growing))
  switch (tag) {
    case 'a':
      return (
        <a href={href} title={href} rel="noopener noreferrer" target="_blank">
          {inner}
        </a>
      )
    case 'table':
      return (
        // biome-ignore lint/a11y/useSemanticElements lint/a11y/noNoninteractiveTabindex: no form, and what scrolls must be reachable with the keyboard
        <div class="chat-table" role="group" aria-label="Table" tabIndex={0}>
          <table>{inner}</table>
        </div>
      )
    case 'li':
      return (
        <li class={done === undefined ? undefined : done ? 'chat-task chat-done' : 'chat-task'} dir="auto">
          {done !== undefined && <span class="unseen">{done ? 'Done: ' : 'To do: '}</span>}
          {inner}
        </li>
      )
    case 'ol':
      return (
        <ol start={start} dir="auto">
          {inner}
        </ol>
      )
    case 'th':
    case 'td':
      return createElement(tag, { dir: 'auto', style: align && { textAlign: align } }, inner)
    case 'div':
      return (
        <p class="chat-written" dir="auto">
          {inner}
        </p>
      )
    case 'hr':
    case 'br':
      return createElement(tag, null)
    default:
      return createElement(tag, BLOCKS.has(tag) ? { dir: 'auto' } : null, inner)
  }
}

/** Elements whose direction is that of their text. */
const BLOCKS = new Set<string>(['p', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul'])
