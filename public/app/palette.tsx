import { signal } from '@preact/signals'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { logOut, may } from './gateway.ts'
import { PAGES } from './pages.ts'
import { hashOf } from './route.ts'

const open = signal(false)

/** Shows the palette: a list of all places, filtered by the typed text. */
export function openPalette(): void {
  open.value = true
}

/** The palette. It takes no place while it is closed. */
export function Palette() {
  return open.value ? <OpenPalette /> : null
}

function OpenPalette() {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  // Before the next key, which belongs into its field.
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const places = [
    { title: 'Chat', act: () => location.assign('../') },
    ...PAGES.filter(({ scope }) => may(scope)).map(({ title, path }) => ({
      title,
      act: () => location.assign(hashOf(path === '' ? [] : [path]))
    })),
    // A session by its id, as people paste it.
    ...(/^[\w-]+:./.test(text) ? [{ title: `Session ${text}`, act: () => location.assign(hashOf(['sessions', text])) }] : []),
    { title: 'Log out', act: () => void logOut() }
  ].filter(({ title }) => title.toLowerCase().includes(text.trim().toLowerCase()))
  const at = Math.min(chosen, places.length - 1)
  const go = (act: (() => void) | undefined): void => {
    dialog.current?.close()
    act?.()
  }
  const keys = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') go(places[at]?.act)
    else if (event.key === 'ArrowDown') setChosen(Math.min(at + 1, places.length - 1))
    else if (event.key === 'ArrowUp') setChosen(Math.max(at - 1, 0))
    else return
    event.preventDefault()
  }
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Go to"
      onClose={() => {
        open.value = false
      }}
    >
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="places"
        aria-activedescendant={places.length > 0 ? `place-${at}` : undefined}
        aria-label="Go to"
        placeholder="A page, or the id of a session"
        value={text}
        onInput={(event) => [setText(event.currentTarget.value), setChosen(0)]}
        onKeyDown={keys}
      />
      <div id="places" role="listbox" aria-label="Places">
        {places.map(({ title, act }, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the text field
          <div key={title} id={`place-${index}`} role="option" tabIndex={-1} aria-selected={index === at} onClick={() => go(act)}>
            {title}
          </div>
        ))}
      </div>
      {places.length === 0 && <p class="muted">Nothing is called like this.</p>}
    </dialog>
  )
}
