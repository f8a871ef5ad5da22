import { effect, signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import ICON from '../icon.svg'
import { Failure } from '../ui/failure.tsx'
import { revealed } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Toasts } from '../ui/toast.tsx'
import { connection, hello, may } from './gateway.ts'
import { Login } from './login.tsx'
import { PAGES, PANEL, type PageProps, pageOf } from './pages.ts'
import { openPalette, Palette } from './palette.tsx'
import { panels } from './panels.ts'
import { Pill } from './pill.tsx'
import { useQuery } from './query.ts'
import { hashOf } from './route.ts'
import { route } from './router.ts'

type Loaded = { readonly path: string; readonly View?: ComponentType<PageProps>; readonly error?: Error }
const loaded = signal<Loaded | undefined>(undefined)

function load(): void {
  const page = pageOf(route.value.path)
  if (loaded.peek()?.path === page.path && loaded.peek()?.View) return
  page.load().then(
    ({ default: View }) => {
      if (pageOf(route.value.path) === page) loaded.value = { path: page.path, View }
    },
    (error: Error) => {
      loaded.value = { path: page.path, error }
    }
  )
}
effect(load)

/** Number of tool calls that wait for a person. */
function Waiting() {
  const total = useQuery('confirmations.list', { limit: 1 }, { kinds: ['confirm'] }).data?.total ?? 0
  return total === 0 ? null : (
    <span class="badge">
      {total}
      <span class="unseen"> waiting</span>
    </span>
  )
}

/** Navigation, connection and the page of the address. */
export function Shell() {
  const page = pageOf(route.value.path)
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const state = connection.value
  const panel = page === PANEL ? panels.value?.find(({ id }) => id === route.value.path[1]) : undefined
  const title = panel?.title ?? page.title
  useEffect(() => {
    document.title = `${[title, ...route.value.path.slice(panel ? 2 : 1)].join(' · ')} – Flynn`
  }, [title, route.value.path.join('/')])
  useEffect(() => {
    // A screen reader continues where the new page begins. The first page has no one to move.
    if (first.current) first.current = false
    else main.current?.focus()
  }, [page.path, route.value.path.join('/')])
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      openPalette()
    }
    addEventListener('keydown', keys)
    return () => removeEventListener('keydown', keys)
  }, [])
  const login = state.name === 'refused' && <Login code={state.code} message={state.message} />
  const pages = PAGES.filter(({ scope }) => hello.value === undefined || may(scope))
  const { View, error } = loaded.value?.path === page.path ? loaded.value : { View: undefined, error: undefined }
  return (
    <div class={page.whole && route.value.path.length > 1 ? 'shell deep' : 'shell'}>
      <button class="skip" type="button" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <nav class="rail" aria-label="Pages">
        <a class="brand" href={hashOf(['chat'])} title="Chat with the agent">
          <img src={ICON} alt="" width="24" height="24" /> <span>Flynn</span>
        </a>
        <ul>
          {pages.map(({ path, title, icon }) => (
            <li key={path}>
              <a href={hashOf(path === '' ? [] : [path])} aria-current={path === page.path ? 'page' : undefined}>
                <Icon path={icon} /> {title} {path === 'approvals' && <Waiting />}
              </a>
            </li>
          ))}
          {panels.value?.map(({ id, title }) => (
            <li key={`panel ${id}`}>
              <a href={hashOf([PANEL.path, id])} aria-current={id === panel?.id ? 'page' : undefined}>
                <Icon path={PANEL.icon} /> {revealed(title)}
              </a>
            </li>
          ))}
          <li class="more">
            <button type="button" onClick={openPalette}>
              <Icon path="M5 12h.01M12 12h.01M19 12h.01" /> More
            </button>
          </li>
        </ul>
        <Pill />
      </nav>
      <main ref={main} id="main" tabIndex={-1} class={page.whole && !login ? 'whole' : undefined}>
        {login || (
          <>
            {!page.whole && (
              <header class="top">
                <h1>{revealed(title)}</h1>
                <button type="button" onClick={openPalette} aria-keyshortcuts="Control+K Meta+K">
                  Search <kbd>Ctrl K</kbd>
                </button>
              </header>
            )}
            {error ? (
              <Failure error={error} />
            ) : View ? (
              <View rest={route.value.path.slice(1)} />
            ) : (
              <p class="muted">Loading …</p>
            )}
          </>
        )}
      </main>
      <Palette />
      <Toasts />
    </div>
  )
}
