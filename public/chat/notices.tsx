import type { ContextPart, ReplyPart } from '../../rpc/client/model/turn.ts'
import { Shape } from '../ui/chip.tsx'
import { Icon } from '../ui/icon.tsx'
import { readable } from './text-safety.ts'

const GATEWAY = 'M4 20V11a8 8 0 0 1 16 0v9h-5v-8a3 3 0 0 0-6 0v8z'

/** Words of the gateway beside an answer. */
export function Notice({ text }: { readonly text: string }) {
  return (
    <p class="chat-notice" dir="auto">
      <Icon path={GATEWAY} />
      <span class="unseen">Gateway: </span>
      {readable(text)}
    </p>
  )
}

/** Reply of the gateway to a command. */
export function Reply({ part: { text, begins } }: { readonly part: ReplyPart }) {
  if (begins) {
    return (
      <p class="chat-begins" dir="auto">
        <span>
          <span class="unseen">Gateway: </span>
          {readable(text)}
        </span>
      </p>
    )
  }
  return (
    <div class="chat-reply">
      <p class="muted">
        <Icon path={GATEWAY} /> Gateway
      </p>
      <p class="chat-written" dir="auto">
        {readable(text)}
      </p>
    </div>
  )
}

/** Warning that the context of the agent is nearly full, with what was done about it. */
export function ContextNotice({ part: { warning } }: { readonly part: ContextPart }) {
  const { message, budget, actions } = warning
  const done = [
    actions.checkpointSaved &&
      `A checkpoint was saved${actions.checkpointNamespace ? ` in ${readable(actions.checkpointNamespace)}` : ''}.`,
    actions.autoCompacted && 'Earlier messages were replaced by a summary.'
  ].filter(Boolean)
  return (
    <div class="chat-notice chat-context">
      <Shape tone="wait" />
      <div>
        <p dir="auto">
          <span class="unseen">Gateway: </span>
          {readable(message)}
        </p>
        <p class="muted">
          Context {budget.usagePct} % full. {done.length > 0 ? done.join(' ') : 'Nothing was changed.'}
        </p>
      </div>
    </div>
  )
}
