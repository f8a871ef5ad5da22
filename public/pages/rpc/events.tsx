import { useEffect, useRef, useState } from 'preact/hooks'
import { watchFrames } from '../../app/frames.ts'
import { base, may } from '../../app/gateway.ts'
import { KINDS, type Kind, listen } from '../../app/live.ts'
import { route, setQuery } from '../../app/router.ts'
import { asEventCode } from '../../ui/format.ts'
import { Copy } from '../../ui/text.tsx'
import { envelopeOf, FrameLog } from './frame-log.ts'
import { Frames } from './frames.tsx'

/** Events of the whole gateway as they come, by kind. Nothing is captured before this view opens, or kept after it closes. */
export function Events() {
  const { query } = route.value
  const offered = (Object.keys(KINDS) as Kind[]).filter((kind) => may(KINDS[kind]))
  const named = query.get('kinds')?.split(',') ?? []
  const kinds = offered.filter((kind) => named.includes(kind))
  const all = query.get('all') === 'yes'
  const log = useRef(new FrameLog()).current
  const [, drawn] = useState(0)
  const [paused, setPaused] = useState(false)
  useEffect(() => {
    const ends = kinds.map((kind) => listen(kind, () => {}))
    return () => {
      for (const end of ends) end()
    }
  }, [kinds.join()])
  useEffect(() => {
    if (paused) return
    let drawing: number | undefined
    const wanted = new Set<string | undefined>([...kinds, 'lost'])
    const end = watchFrames((frame) => {
      const envelope = envelopeOf(frame.text)
      if (!envelope || !(all || (envelope.id === null && wanted.has(envelope.event)))) return
      log.add(frame, envelope)
      // Once for all events of a frame of the screen.
      drawing ??= requestAnimationFrame(() => {
        drawing = undefined
        drawn(log.total)
      })
    })
    return () => {
      end()
      if (drawing !== undefined) cancelAnimationFrame(drawing)
    }
  }, [kinds.join(), all, paused])
  const choose = (kind: Kind, on: boolean): void =>
    setQuery('kinds', offered.filter((one) => (one === kind ? on : kinds.includes(one))).join(',') || undefined)
  const clear = (): void => {
    log.clear()
    drawn(0)
  }
  return (
    <section class="card" aria-label="Events">
      <fieldset class="group">
        <legend>Kinds of events</legend>
        <div class="bar">
          {offered.map((kind) => (
            <label key={kind} class="check">
              <input
                type="checkbox"
                checked={kinds.includes(kind)}
                onChange={({ currentTarget }) => choose(kind, currentTarget.checked)}
              />{' '}
              {kind}
            </label>
          ))}
        </div>
      </fieldset>
      <p class="bar">
        <label class="check">
          <input
            type="checkbox"
            checked={all}
            onChange={({ currentTarget }) => setQuery('all', currentTarget.checked ? 'yes' : undefined)}
          />{' '}
          All frames of this page
        </label>
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
        <button type="button" onClick={clear}>
          Empty the list
        </button>
        {kinds.length > 0 && <Copy text={() => asEventCode(base, kinds)}>Copy as code</Copy>}
      </p>
      {log.frames.length > 0 ? (
        <Frames frames={log.frames} total={log.total} />
      ) : (
        <div class="empty">
          <p>{kinds.length === 0 && !all ? 'Choose the kinds of events to hear.' : 'Nothing has come yet.'}</p>
          <p class="muted">
            Events are captured while this view is open, and forgotten when it closes. A message to the agent causes lane, run and
            session.
          </p>
        </div>
      )}
    </section>
  )
}
