import { useState } from 'preact/hooks'
import { revealed } from './format.ts'

/** Any value as JSON, as text, with hidden characters spelled out. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <section class="json" tabIndex={0} aria-label={label}>
      <pre>{revealed(JSON.stringify(value, null, 2) ?? 'undefined')}</pre>
    </section>
  )
}

/** Copies a text, and says that it did. */
export function Copy({ text, children }: { readonly text: () => string; readonly children: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text())
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <button type="button" class="plain" onClick={() => void copy()}>
      <span role="status">{copied ? 'Copied' : children}</span>
    </button>
  )
}
