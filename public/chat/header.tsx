import { useState } from 'preact/hooks'
import type { SessionModel, SessionSnapshot } from '../../rpc/client/model/index.ts'
import { client, may } from '../app/gateway.ts'
import { type Query, useQuery } from '../app/query.ts'
import { hashOf } from '../app/route.ts'
import { exported } from '../pages/sessions/export.ts'
import { RenameDialog } from '../pages/sessions/row-actions.tsx'
import { Meter } from '../ui/chip.tsx'
import { count, revealed } from '../ui/format.ts'
import { Menu } from '../ui/menu.tsx'
import { attempt, toast } from '../ui/toast.tsx'
import { deleteSoon } from './deletions.ts'
import type { ListedSession } from './session-list.tsx'
import { ShortcutSheet } from './shortcuts.tsx'

export interface HeaderProps {
  readonly model: SessionModel
  readonly snapshot: SessionSnapshot
  /** The entry of the session list: undefined for one that does not exist yet. */
  readonly listed: Query<{ readonly sessions: readonly ListedSession[] }>
  readonly canvas: { readonly shown: boolean; readonly artifacts: number; readonly toggle: () => void }
}

/** Title, model, context and actions of a conversation. */
export function Header({ model: { sessionId }, snapshot, listed, canvas }: HeaderProps) {
  const [session] = listed.data?.sessions ?? []
  const [renaming, setRenaming] = useState(false)
  const [keys, setKeys] = useState(false)
  const name = revealed(session?.title ?? (session ? sessionId : 'New conversation'))
  const change = (changes: object, done: string): void => attempt(client.call('sessions.update', { sessionId, ...changes }), done)
  const copyLink = (): void => attempt(navigator.clipboard.writeText(location.href), 'The link is copied')
  const download = (format: 'markdown' | 'json') => ({
    title: format === 'json' ? 'Download as JSON' : 'Download as Markdown',
    act: () => attempt(exported(sessionId, format), 'The conversation is downloaded')
  })
  const items = [
    ...(session && may('write')
      ? [
          { title: 'Rename', act: () => setRenaming(true) },
          {
            title: session.pinned ? 'Unpin' : 'Pin',
            act: () => change({ pinned: !session.pinned }, session.pinned ? 'No longer pinned' : 'Pinned')
          },
          {
            title: session.archived ? 'Restore' : 'Archive',
            act: () => change({ archived: !session.archived }, session.archived ? 'Restored' : 'Archived')
          }
        ]
      : []),
    ...(session ? [download('markdown'), download('json')] : []),
    { title: 'Copy the link', act: copyLink },
    ...(session ? [{ title: 'Runs and facts', act: () => location.assign(hashOf(['sessions', sessionId])) }] : []),
    { title: 'Keyboard shortcuts', act: () => setKeys(true) },
    ...(session && may('write')
      ? [
          {
            title: 'Delete',
            act: () => {
              toast(`${name} is deleted`, { undo: deleteSoon(sessionId) })
              location.assign(hashOf(['chat']))
            }
          }
        ]
      : [])
  ]
  return (
    <header class="chat-header">
      <a class="chat-back" href={hashOf(['chat'])} aria-label="All conversations">
        ‹
      </a>
      <h1 dir="auto">{name}</h1>
      {session && <Tier session={session} />}
      <ContextMeter session={session} snapshot={snapshot} />
      {canvas.artifacts > 0 && (
        <button type="button" class="chat-canvas-button" aria-pressed={canvas.shown} onClick={canvas.toggle}>
          {`Canvas ${canvas.artifacts}`}
        </button>
      )}
      <Menu label={`Actions for ${name}`} items={items} />
      {renaming && session && <RenameDialog session={session} onClose={() => setRenaming(false)} />}
      {keys && <ShortcutSheet onClose={() => setKeys(false)} />}
    </header>
  )
}

/** Which models answer here, where there is a choice. */
function Tier({ session: { id: sessionId, config } }: { readonly session: ListedSession }) {
  const tiers = useQuery('models.list', {}, { kinds: ['config'] }).data?.tiers ?? []
  const model = (tier: string): string => tiers.find((one) => one.tier === tier)?.models[0]?.model ?? tier
  if (tiers.length < 2 || !may('write')) return <span class="muted chat-tier">{model(config.modelTier)}</span>
  return (
    <select
      class="chat-tier"
      aria-label="Model"
      value={config.modelTier}
      onChange={({ currentTarget: { value } }) =>
        attempt(client.call('sessions.configure', { sessionId, modelTier: value }), `${model(value)} answers from now on`)
      }
    >
      {tiers.map(({ tier }) => (
        <option key={tier} value={tier}>
          {`${tier} · ${model(tier)}`}
        </option>
      ))}
    </select>
  )
}

function ContextMeter({
  session,
  snapshot
}: {
  readonly session: ListedSession | undefined
  readonly snapshot: SessionSnapshot
}) {
  const context = session?.context
  if (!context) return null
  const share = Math.round((context.tokens / context.contextWindow) * 100)
  const text = `${count(context.tokens)} of ${count(context.contextWindow)} tokens`
  return (
    <span class="chat-context" title={snapshot.context?.message ?? text}>
      <Meter label={`Context: ${text}`} value={context.tokens} max={context.contextWindow} text={`${share} %`} />
    </span>
  )
}
