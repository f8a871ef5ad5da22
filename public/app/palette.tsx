import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { newSession } from '../chat/names.ts'
import { revealed } from '../ui/format.ts'
import { attempt, toastFailure } from '../ui/toast.tsx'
import { client, logOut, may } from './gateway.ts'
import { PAGES, PANEL } from './pages.ts'
import { panels } from './panels.ts'
import { choices, type Place } from './places.ts'
import { useKept, useQuery } from './query.ts'
import { hashOf } from './route.ts'
import { chooseTheme, type Theme } from './theme.ts'

/** Sessions that are found by id and title: the newest ones. Others are found by their messages. */
const SESSIONS = 200
const LANES = 50
const MESSAGES = 5
/** Quiet time after a key before the gateway searches. */
const QUIET_MS = 250

const open = signal(false)

/** Shows the palette: pages, sessions, tools, methods and actions, filtered by the typed text. */
export function openPalette(): void {
  open.value = true
}

/** The palette. It takes no place while it is closed. */
export function Palette() {
  return open.value ? <OpenPalette /> : null
}

const go = (path: readonly string[], query: Readonly<Record<string, string>> = {}) => {
  return () => location.assign(hashOf(path, query))
}

function OpenPalette() {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  // Before the next key, which belongs into its field.
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const places = choices(usePlaces(text.trim()), text)
  const at = Math.min(chosen, places.length - 1)
  useEffect(() => document.getElementById(`place-${at}`)?.scrollIntoView({ block: 'nearest' }), [at])
  const choose = (place: Place | undefined): void => {
    dialog.current?.close()
    // Not with the event, which comes later: the next key may open another one by then.
    open.value = false
    place?.act()
  }
  const keys = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') choose(places[at])
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
      onClose={({ currentTarget }) => {
        if (currentTarget.isConnected) open.value = false
      }}
    >
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="places"
        aria-activedescendant={places.length > 0 ? `place-${at}` : undefined}
        aria-label="Go to"
        placeholder="A page, session, tool, method or action"
        value={text}
        onInput={(event) => [setText(event.currentTarget.value), setChosen(0)]}
        onKeyDown={keys}
      />
      <div id="places" role="listbox" aria-label="Places">
        {places.map((place, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the text field
          <div
            key={`${place.kind} ${place.title} ${place.hint ?? ''}`}
            id={`place-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => choose(place)}
          >
            <span>
              {revealed(place.title)} {place.hint && <span class="muted">{revealed(place.hint)}</span>}
            </span>
            <span class="muted">{place.kind}</span>
          </div>
        ))}
      </div>
      {places.length === 0 && <p class="muted">Nothing is called like this.</p>}
    </dialog>
  )
}

/** Everything that the palette can go to or do, as far as the credential allows. */
function usePlaces(text: string): readonly Place[] {
  const when = text !== ''
  const sessions = useQuery('sessions.list', { limit: SESSIONS }, { when })
  const lanes = useQuery('queue.list', { limit: LANES }, { when })
  const tools = useQuery('tools.list', {}, { when })
  const methods = useQuery('rpc.discover', {}, { when })
  const [quiet, setQuiet] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setQuiet(text), QUIET_MS)
    return () => clearTimeout(timer)
  }, [text])
  const found = useKept(useQuery('sessions.search', { text: quiet, limit: MESSAGES }, { when: quiet.length >= 3 }))
  return [
    ...PAGES.filter(({ scope }) => may(scope)).map(({ title, path }) => ({
      kind: 'page' as const,
      title,
      act: go(path === '' ? [] : [path])
    })),
    ...(panels.value ?? []).map(({ id, title }) => ({ kind: 'page' as const, title, act: go([PANEL.path, id]) })),
    ...actions(lanes.data?.lanes ?? []),
    // A session by its id, as people paste it.
    ...(/^[\w-]+:./.test(text) && !sessions.data?.sessions.some(({ id }) => id === text)
      ? [{ kind: 'session' as const, title: text, act: go(['chat', text]) }]
      : []),
    ...(sessions.data?.sessions ?? []).map(({ id, title }) => ({
      kind: 'session' as const,
      title: title ?? id,
      ...(title === null ? {} : { hint: id }),
      act: go(['chat', id])
    })),
    ...(tools.data?.tools ?? []).map(({ name }) => ({ kind: 'tool' as const, title: name, act: go(['tools', name]) })),
    ...((methods.data as { readonly methods: readonly { readonly name: string }[] } | undefined)?.methods ?? []).map(
      ({ name }) => ({
        kind: 'method' as const,
        title: name,
        act: go(['rpc', name])
      })
    ),
    ...(when && quiet === text ? (found.data?.messages ?? []) : []).map(({ id, sessionId, snippet }) => ({
      kind: 'message' as const,
      title: snippet,
      hint: sessionId,
      act: go(['chat', sessionId], { at: String(id) })
    }))
  ]
}

const THEMES: readonly Theme[] = ['system', 'light', 'dark']

function actions(lanes: readonly { readonly sessionId: string; readonly paused: boolean }[]): Place[] {
  const action = (title: string, act: () => void, hint?: string): Place => ({
    kind: 'action',
    title,
    act,
    ...(hint ? { hint } : {})
  })
  const write = may('write')
  return [
    ...THEMES.map((theme) => action(`Theme: ${theme}`, () => chooseTheme(theme), 'colours')),
    ...(write ? [action('New conversation', () => location.assign(hashOf(['chat', newSession()])))] : []),
    action('Show the shortcuts', go(['settings']), 'keyboard'),
    action('Log out', () => void logOut().catch(toastFailure)),
    ...(write ? lanes : []).map(({ sessionId, paused }) =>
      paused
        ? action(`Resume ${sessionId}`, () => attempt(client.call('queue.resume', { sessionId }), `${sessionId} goes on`), 'lane')
        : action(`Pause ${sessionId}`, () => attempt(client.call('queue.pause', { sessionId }), `${sessionId} is paused`), 'lane')
    )
  ]
}
