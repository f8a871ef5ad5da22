import { useEffect, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../rpc/client/index.ts'
import { access, base, client, may } from '../app/gateway.ts'
import { type Query, useQuery } from '../app/query.ts'
import { Confirm } from '../ui/dialog.tsx'
import { revealed } from '../ui/format.ts'
import { Copy, Json } from '../ui/text.tsx'
import { Time } from '../ui/time.tsx'
import { Markdown } from './markdown.tsx'

type Page = GatewayMethods['canvas.list']['result']
export type Artifact = Page['artifacts'][number]

const LIMIT = 50

/** The artifacts of a session; asked for again with each change. */
export function useArtifacts(sessionId: string, exists: boolean): Query<Page> {
  const query = useQuery('canvas.list', { sessionId, limit: LIMIT }, { when: exists })
  const { refresh } = query
  useEffect(() => client.on('canvas', (_data, origin) => origin.sessionId === sessionId && refresh()), [sessionId])
  return query
}

/** The artifacts of a session beside the conversation. */
export function CanvasPane({ page, onClose }: { readonly page: Page; readonly onClose: () => void }) {
  const [chosen, setChosen] = useState<string>()
  const artifact = page.artifacts.find(({ artifactId }) => artifactId === chosen) ?? page.artifacts[0]
  if (!artifact) return null
  const { sessionId, artifactId, title, revision, updatedAt, type } = artifact
  return (
    <aside class="chat-canvas" aria-label="Canvas">
      <div class="chat-canvas-top">
        <select aria-label="Artifact" value={artifactId} onChange={(event) => setChosen(event.currentTarget.value)}>
          {page.artifacts.map((one) => (
            <option key={one.artifactId} value={one.artifactId}>
              {revealed(one.title ?? one.artifactId)}
            </option>
          ))}
        </select>
        <button type="button" aria-label="Close the canvas" onClick={onClose}>
          ×
        </button>
      </div>
      <p class="muted">
        {`${revealed(type)} · revision ${revision} · `}
        <Time at={updatedAt} />
        {page.total > page.artifacts.length && ` · ${page.artifacts.length} of ${page.total} artifacts`}
      </p>
      <Content key={`${artifactId} ${revision}`} artifact={artifact} />
      {may('write') && (
        <p>
          <Copy text={() => JSON.stringify(artifact.content, null, 2)}>Copy</Copy>
          <Confirm
            action={`Delete ${revealed(title ?? artifactId)}`}
            consequence="The artifact is gone for everybody in this conversation."
            onConfirm={() => client.call('canvas.delete', { sessionId, artifactId })}
          >
            Delete …
          </Confirm>
        </p>
      )}
    </aside>
  )
}

function Content({ artifact: { sessionId, artifactId, title, content } }: { readonly artifact: Artifact }) {
  if (typeof content.html === 'string') {
    const name = revealed(title ?? artifactId)
    // A frame sends no header, so that it knows the browser by its cookie alone.
    if (access.token !== undefined) {
      return (
        <>
          <p class="muted">To run this page here, log in with “Remember on this device”. Its source:</p>
          <Json value={content.html} label={name} />
        </>
      )
    }
    const source = new URL(`canvas/${encodeURIComponent(sessionId)}/${encodeURIComponent(artifactId)}`, base)
    return <iframe title={name} sandbox="allow-scripts" referrerpolicy="no-referrer" src={source.href} />
  }
  const text = [content.text, content.markdown, content.body].find((one) => typeof one === 'string')
  return text === undefined ? <Json value={content} label="Content" /> : <Markdown text={String(text)} growing={false} />
}
