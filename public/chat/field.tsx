import { useLayoutEffect } from 'preact/hooks'
import { FIELD } from './returned.ts'

export interface FieldProps {
  readonly field: { current: HTMLTextAreaElement | null }
  readonly value: string
  readonly placeholder: string
  readonly onInput: (text: string) => void
  readonly onSubmit: () => void
  readonly onFiles: (files: File[]) => void
  /** Text that the arrow key brings back into an empty field. */
  readonly lastPrompt: () => string | undefined
}

/** Input field that grows with its text. Enter sends; on a touch screen it begins a new line. */
export function Field({ field, value, placeholder, onInput, onSubmit, onFiles, lastPrompt }: FieldProps) {
  useLayoutEffect(() => {
    const area = field.current
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`
  }, [value])
  const keys = (event: KeyboardEvent): void => {
    // An input method takes Enter to choose a word; Safari says so by the key code only.
    if (event.isComposing || event.keyCode === 229) return
    if (event.key === 'Enter' && !event.shiftKey && !touch()) {
      event.preventDefault()
      onSubmit()
    } else if (event.key === 'ArrowUp' && value === '') {
      const last = lastPrompt()
      if (last === undefined) return
      event.preventDefault()
      onInput(last)
    }
  }
  const paste = (event: ClipboardEvent): void => {
    const { clipboardData } = event
    // A table from a spreadsheet is text and a picture of it: the text is meant.
    if (!clipboardData || clipboardData.files.length === 0 || clipboardData.types.includes('text/plain')) return
    event.preventDefault()
    onFiles([...clipboardData.files])
  }
  return (
    <textarea
      ref={field}
      id={FIELD}
      class="chat-field"
      rows={1}
      aria-label="Message"
      placeholder={placeholder}
      enterkeyhint={touch() ? 'enter' : 'send'}
      value={value}
      onInput={(event) => onInput(event.currentTarget.value)}
      onKeyDown={keys}
      onPaste={paste}
    />
  )
}

/** The main way to point is a finger: its keyboard has no Shift+Enter. */
function touch(): boolean {
  return matchMedia('(hover: none) and (pointer: coarse)').matches
}
