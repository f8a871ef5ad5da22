import { Json } from '../../ui/text.tsx'
import { type Frame, KEPT } from './frame-log.ts'

/** Frames with their direction and time. Events are folded: there may be many. */
export function Frames({ frames, total }: { readonly frames: readonly Frame[]; readonly total: number }) {
  return (
    <>
      <ol class="frames" aria-label="Frames">
        {frames.map(({ number, ms, out, title, value }) => (
          <li key={number}>
            <details open={!title.startsWith('event')}>
              <summary>
                <span aria-hidden="true">{out ? '→' : '←'}</span> <span class="unseen">{out ? 'sent' : 'received'}</span>{' '}
                <span class="muted number">{`${ms} ms`}</span> {title}
              </summary>
              <Json value={value} label={`Frame ${number}`} />
            </details>
          </li>
        ))}
      </ol>
      <p class="muted">{`${frames.length} of ${total} frames; the last ${KEPT} are kept while this view is open`}</p>
    </>
  )
}
