import { useEffect, useRef, useState } from 'preact/hooks'
import { base } from '../../app/gateway.ts'
import { useQuery } from '../../app/query.ts'
import { route, setQuery } from '../../app/router.ts'
import { Shape, type Tone } from '../../ui/chip.tsx'
import { asCli, asCurl } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Copy } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { asText, type Line, matches, parts } from './search.ts'

const LINES = ['100', '200', '500', '2000'] as const
const SINCE = { '': 'any time', '900': '15 minutes', '3600': '1 hour', '86400': '24 hours' } as const
const FOLLOW_MS = 2000
const TONES: Readonly<Partial<Record<Line['level'], Tone>>> = { error: 'bad', warn: 'wait' }

/** The newest lines of a log: searched, followed, copied, saved. */
export function Logs({ id, name }: { readonly id: string; readonly name: string }) {
  const { query: address } = route.value
  const lines = address.get('lines') ?? '200'
  const since = address.get('since') ?? ''
  const text = address.get('q') ?? ''
  const only = address.get('only') === 'yes'
  const [wrap, setWrap] = useState(true)
  const [follow, setFollow] = useState(false)
  const params = { sourceId: id, lines: Number(lines) || 200, ...(Number(since) > 0 ? { sinceSeconds: Number(since) } : {}) }
  const query = useQuery('system.serviceLogs', params, follow ? { every: FOLLOW_MS } : {})
  return (
    <>
      <h3>Log</h3>
      <div class="bar">
        <label>
          Lines{' '}
          <select value={lines} onChange={(event) => setQuery('lines', event.currentTarget.value)}>
            {LINES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label>
          Since{' '}
          <select value={since} onChange={(event) => setQuery('since', event.currentTarget.value)}>
            {Object.entries(SINCE).map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={wrap} onChange={(event) => setWrap(event.currentTarget.checked)} /> Wrap
        </label>
        <label class="check">
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} /> Follow
        </label>
        <button type="button" onClick={query.refresh}>
          Refresh
        </button>
      </div>
      <Loaded query={query}>
        {(log) => (
          <>
            {log.problem && <p class="bad">{log.problem}</p>}
            {log.redacted && (
              <p>
                <Shape tone="wait" /> Redacted: secrets were taken out of these lines.
              </p>
            )}
            {log.truncated && (
              <p>
                <Shape tone="wait" /> Truncated: older lines exist, or a line was cut.
              </p>
            )}
            <Found name={name} lines={log.lines} text={text} only={only} wrap={wrap} follow={follow} />
            <p class="muted">
              {`${log.lines.length} lines, read `}
              <Time at={log.fetchedAt} />
            </p>
            <p class="bar">
              <Copy text={() => asText(log.lines)}>Copy</Copy>
              <button type="button" class="plain" onClick={() => download(`${id.replaceAll(':', '-')}.log`, asText(log.lines))}>
                Download
              </button>
              <Copy text={() => asCli('system.serviceLogs', params)}>Copy as CLI</Copy>
              <Copy text={() => asCurl(base, 'system.serviceLogs', params)}>Copy as curl</Copy>
            </p>
          </>
        )}
      </Loaded>
    </>
  )
}

interface FoundProps {
  readonly name: string
  readonly lines: readonly Line[]
  readonly text: string
  readonly only: boolean
  readonly wrap: boolean
  readonly follow: boolean
}

function Found({ name, lines, text, only, wrap, follow }: FoundProps) {
  const [at, setAt] = useState(0)
  const list = useRef<HTMLOListElement>(null)
  const found = matches(lines, text)
  const current = found[Math.min(at, found.length - 1)]
  const shown = only && text !== '' ? found : lines
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })
  }, [current, text])
  useEffect(() => {
    if (follow && list.current) list.current.scrollTop = list.current.scrollHeight
  }, [lines, follow])
  const go = (by: number): void => setAt((Math.min(at, found.length - 1) + by + found.length) % found.length)
  return (
    <>
      <div class="bar">
        <input
          type="search"
          class="filter"
          aria-label={`Search in the log of ${name}`}
          placeholder="Search"
          value={text}
          onInput={(event) => [setAt(0), setQuery('q', event.currentTarget.value)]}
          onKeyDown={(event) => event.key === 'Enter' && found.length > 0 && go(event.shiftKey ? -1 : 1)}
        />
        {text !== '' && (
          <span role="status">
            {found.length === 0 ? 'no match' : `${Math.min(at, found.length - 1) + 1} of ${found.length}`}
          </span>
        )}
        <button type="button" disabled={found.length === 0} onClick={() => go(-1)}>
          Previous
        </button>
        <button type="button" disabled={found.length === 0} onClick={() => go(1)}>
          Next
        </button>
        <label class="check">
          <input
            type="checkbox"
            checked={only}
            onChange={(event) => setQuery('only', event.currentTarget.checked ? 'yes' : undefined)}
          />{' '}
          Only matches
        </label>
      </div>
      {shown.length === 0 ? (
        <div class="empty">{lines.length === 0 ? 'No line in this time.' : 'No line matches.'}</div>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
        <ol ref={list} class={wrap ? 'log wrap' : 'log'} tabIndex={0} aria-label={`Log of ${name}`}>
          {shown.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: equal lines differ by their place
            <li key={index} aria-current={line === current ? 'true' : undefined}>
              <span class="muted">{new Date(line.ts).toLocaleTimeString()}</span>{' '}
              <span class={TONES[line.level] ?? 'idle'}>{line.level}</span>{' '}
              {parts(line.text, text).map((part, place) =>
                // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place
                place % 2 === 1 ? <mark key={place}>{part}</mark> : part
              )}
            </li>
          ))}
        </ol>
      )}
    </>
  )
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
