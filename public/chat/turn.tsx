import { useCallback, useEffect, useState } from 'preact/hooks'
import { type ChatTurn, isOpen, type MessagePart } from '../../rpc/client/model/turn.ts'
import { Icon } from '../ui/icon.tsx'
import { memo } from '../ui/memo.ts'
import { Copy } from '../ui/text.tsx'
import { type CallTimes, timesOf } from './call-words.ts'
import { Work } from './calls.tsx'
import './chat.css'
import { File } from './files.tsx'
import { Markdown } from './markdown.tsx'
import { EditMessage, Message } from './message.tsx'
import { ContextNotice, Notice, Reply } from './notices.tsx'
import { readable } from './text-safety.ts'
import type { TurnActions } from './turn-actions.ts'
import { type AnswerPart, type AnswerPiece, sectionsOf } from './turn-sections.ts'
import { TurnStatus } from './turn-state.tsx'
import { answerText, articleName, clockTime, usageOf } from './turn-words.ts'

export interface TurnProps {
  readonly turn: ChatTurn
  readonly actions: TurnActions
  /** It is the last turn of the conversation: its message can be edited and sent again. */
  readonly last?: boolean
}

/** One turn of a conversation: messages and their answer, each an article. It is drawn again only when the turn is another object. */
export const Turn = memo(function Turn({ turn, actions, last = false }: TurnProps) {
  const { parts, state } = turn
  const open = isOpen(state)
  const [kept] = useState(!open)
  const [editing, setEditing] = useState(false)
  const [times, askTimes] = useTimes(turn, actions)
  const sections = sectionsOf(parts)
  const lastAnswer = sections.findLast(({ kind }) => kind === 'answer')
  const message = parts.find((part) => part.kind === 'message') as MessagePart | undefined
  const canEdit = last && actions.canSend && !open && message !== undefined && !message.partial && message.files.length === 0
  return (
    <section class={kept ? 'chat-turn chat-kept' : 'chat-turn'} data-state={state} data-turn={turn.key}>
      {sections.map((section) =>
        section.kind === 'message' ? (
          <article key={section.at} class="chat-asked" aria-label={articleName(actions.sender, section.message.text)}>
            {editing && section.message === message ? (
              <EditMessage
                text={message.text}
                onCancel={() => setEditing(false)}
                onSend={(text) => {
                  setEditing(false)
                  actions.edit(turn, text)
                }}
              />
            ) : (
              <>
                {section.at === 0 && <Asked turn={turn} sender={actions.sender} />}
                <Message message={section.message} actions={actions} />
              </>
            )}
          </article>
        ) : (
          <article key={section.at} class="chat-answer" aria-label={articleName('Agent', answerText(section.parts))}>
            {section.pieces.map((piece, at) => (
              <Piece
                // biome-ignore lint/suspicious/noArrayIndexKey: a piece stays where it is
                key={at}
                piece={piece}
                turn={turn}
                actions={actions}
                times={times}
                onOpen={askTimes}
                growing={open && section === lastAnswer && at === section.pieces.length - 1}
              />
            ))}
          </article>
        )
      )}
      <TurnStatus turn={turn} actions={actions} />
      {!open && !editing && (
        <Tools turn={turn} actions={actions} text={answerText(parts) || (message?.text ?? '')}>
          {canEdit ? () => setEditing(true) : undefined}
        </Tools>
      )}
    </section>
  )
})

/** The sender of a turn and its time. */
function Asked({ turn: { at }, sender }: { readonly turn: ChatTurn; readonly sender: string }) {
  return (
    <p class="muted chat-who">
      <span dir="auto">{readable(sender)}</span> <time dateTime={new Date(at).toISOString()}>{clockTime(at, Date.now())}</time>
    </p>
  )
}

interface PieceProps extends TurnProps {
  readonly piece: AnswerPiece
  readonly times: CallTimes | undefined
  readonly onOpen: () => void
  readonly growing: boolean
}

function Piece({ piece, turn, actions, times, onOpen, growing }: PieceProps) {
  if (piece.kind === 'part') return <Part part={piece.part} actions={actions} growing={growing} />
  return <Work parts={piece.parts} state={turn.state} actions={actions} times={times} onOpen={onOpen} />
}

function Part({
  part,
  actions,
  growing
}: {
  readonly part: AnswerPart
  readonly actions: TurnActions
  readonly growing: boolean
}) {
  switch (part.kind) {
    case 'text':
      return <Markdown text={part.text} growing={growing} />
    case 'file':
      return <File file={part} actions={actions} />
    case 'notice':
      return <Notice text={part.text} />
    case 'context':
      return <ContextNotice part={part} />
    case 'reply':
      return <Reply part={part} />
  }
}

/** Actions on a turn that has ended. Quiet until the turn has the pointer or the focus. */
function Tools({
  turn,
  actions,
  text,
  children: onEdit
}: {
  readonly turn: ChatTurn
  readonly actions: TurnActions
  readonly text: string
  readonly children: (() => void) | undefined
}) {
  const usage = usageOf(turn)
  const ran = turn.runId !== undefined
  return (
    <div class="chat-tools" role="toolbar" aria-label="This turn">
      {text !== '' && <Copy text={() => text}>Copy</Copy>}
      {actions.canSend && ran && (
        <button type="button" class="plain" onClick={() => actions.regenerate(turn)}>
          Try again
        </button>
      )}
      {onEdit && (
        <button type="button" class="plain" onClick={onEdit}>
          Edit and send again
        </button>
      )}
      {actions.canSend && ran && (
        <button type="button" class="plain" onClick={() => actions.fork(turn)}>
          <Icon path="M6 4v16M6 14c8 0 12-2 12-8M15 8l3-3 3 3" /> Fork from here
        </button>
      )}
      {usage && <span class="muted">{usage}</span>}
    </div>
  )
}

/** Times of the calls of a run, once they are wanted: when it ends in sight, or when its calls are opened. */
function useTimes({ runId, state, parts }: ChatTurn, { run }: TurnActions): readonly [CallTimes | undefined, () => void] {
  const [times, setTimes] = useState<CallTimes>()
  const open = isOpen(state)
  const [wanted, setWanted] = useState(open)
  const calls = parts.some(({ kind }) => kind === 'call')
  useEffect(() => {
    if (!wanted || open || !calls || runId === undefined) return
    let gone = false
    run(runId).then(
      (detail) => gone || setTimes(timesOf(detail)),
      // The gateway forgets runs: the times are not known then.
      () => undefined
    )
    return () => {
      gone = true
    }
  }, [wanted, open, calls, runId])
  const ask = useCallback(() => setWanted(true), [])
  return [times, ask]
}
