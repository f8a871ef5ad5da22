import { useId, useLayoutEffect, useState } from 'preact/hooks'
import { completed, isWhole, type ListedCommand, matching, usageOf } from './completion.ts'
import { FIELD } from './returned.ts'

export interface FieldProps {
  readonly field: { current: HTMLTextAreaElement | null }
  readonly value: string
  readonly placeholder: string
  /** Commands that a slash at the beginning lists. */
  readonly commands: readonly ListedCommand[]
  readonly onInput: (text: string) => void
  readonly onSubmit: () => void
  readonly onFiles: (files: File[]) => void
  /** Text that the arrow key brings back into an empty field. */
  readonly lastPrompt: () => string | undefined
}

/** Input field that grows with its text, and completes commands. Enter sends; on a touch screen it begins a new line. */
export function Field({ field, value, placeholder, commands, onInput, onSubmit, onFiles, lastPrompt }: FieldProps) {
  const list = useId()
  const [chosen, setChosen] = useState(0)
  /** Text at which the list was closed. */
  const [closed, setClosed] = useState<string>()
  const options = closed === value ? [] : matching(value, commands)
  const usage = usageOf(value, commands)
  const at = Math.min(chosen, options.length - 1)
  useLayoutEffect(() => {
    const area = field.current
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`
  }, [value])
  useLayoutEffect(() => {
    if (at >= 0) document.getElementById(`${list}-${at}`)?.scrollIntoView({ block: 'nearest' })
  }, [at, list])
  const write = (text: string): void => {
    setChosen(0)
    onInput(text)
  }
  const accept = (command: ListedCommand): void => {
    write(completed(command))
    setClosed(completed(command))
    field.current?.focus()
  }
  /** Keys of the list of commands. Returns false for one that means something else. */
  const listKeys = ({ key, shiftKey }: KeyboardEvent): boolean => {
    const option = options[at]
    if (!option) return false
    if (key === 'ArrowDown') setChosen((at + 1) % options.length)
    else if (key === 'ArrowUp') setChosen((at + options.length - 1) % options.length)
    else if (key === 'Escape') setClosed(value)
    else if (!shiftKey && (key === 'Tab' || (key === 'Enter' && !isWhole(value, option)))) accept(option)
    else return false
    return true
  }
  const keys = (event: KeyboardEvent): void => {
    // An input method takes Enter to choose a word; Safari says so by the key code only.
    if (event.isComposing || event.keyCode === 229) return
    if (listKeys(event)) event.preventDefault()
    else if (event.key === 'Enter' && !event.shiftKey && !touch()) {
      event.preventDefault()
      onSubmit()
    } else if (event.key === 'ArrowUp' && value === '') {
      const last = lastPrompt()
      if (last === undefined) return
      event.preventDefault()
      write(last)
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
    <>
      <textarea
        ref={field}
        id={FIELD}
        class="chat-field"
        rows={1}
        aria-label="Message"
        aria-autocomplete="list"
        aria-controls={options.length > 0 ? list : undefined}
        aria-activedescendant={options.length > 0 ? `${list}-${at}` : undefined}
        placeholder={placeholder}
        enterkeyhint={touch() ? 'enter' : 'send'}
        value={value}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={keys}
        onPaste={paste}
      />
      {options.length > 0 && (
        <div id={list} class="chat-commands" role="listbox" aria-label="Commands">
          {options.map((command, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the input field
            <div
              key={command.name}
              id={`${list}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              // The input field keeps the focus.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => accept(command)}
            >
              <code>/{command.name}</code> <span class="muted">{command.summary}</span>
            </div>
          ))}
        </div>
      )}
      {usage.length > 0 && (
        <ul class="chat-commands chat-usage" aria-label="Ways to write this command">
          {usage.map((line) => (
            <li key={line}>
              <code>{line}</code>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** The main way to point is a finger: its keyboard has no Shift+Enter. */
function touch(): boolean {
  return matchMedia('(hover: none) and (pointer: coarse)').matches
}
