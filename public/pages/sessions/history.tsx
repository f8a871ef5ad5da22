import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { client, may } from '../../app/gateway.ts'
import { hashOf } from '../../app/route.ts'
import { Shape } from '../../ui/chip.tsx'
import { revealed } from '../../ui/format.ts'
import { Json } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { attempt } from '../../ui/toast.tsx'
import { toolHash } from '../tools/link.ts'
import type { Run } from './run-state.tsx'

type Message = GatewayMethods['sessions.get']['result']['history'][number]
type ToolCall = NonNullable<Message['toolCalls']>[number]

interface HistoryProps {
  readonly sessionId: string
  readonly messages: readonly Message[]
  readonly runs: ReadonlyMap<string, Run>
  /** Message that the address names. */
  readonly at: number | undefined
}

/** Messages of a session as plain text, with tool calls and the reason of what failed. */
export function History({ sessionId, messages, runs, at }: HistoryProps) {
  if (messages.length === 0) return <p class="empty">No messages yet. The first one begins the conversation.</p>
  return (
    <ol class="history">
      {messages.map((message) => {
        const { id, role, content, runId, status, createdAt, toolCalls = [], attachments = [], reasoning } = message
        const run = runs.get(runId)
        const why = role === 'assistant' ? (run?.reason ?? run?.error?.message) : undefined
        return (
          <li key={id} id={`message-${id}`} class={id === at ? 'selected' : undefined}>
            <div class="bar">
              <span>
                <b>{role === 'user' ? 'Person' : 'Agent'}</b>{' '}
                <span class="muted">
                  <Time at={Date.parse(createdAt)} /> · <a href={hashOf(['sessions', sessionId, runId])}>run</a> ·{' '}
                  <a href={hashOf(['sessions', sessionId], { at: String(id) })}>this message</a>
                </span>
              </span>
              {may('write') && (
                <button
                  type="button"
                  class="plain"
                  aria-label={`Fork after message ${id}`}
                  onClick={() =>
                    attempt(
                      client.call('sessions.fork', { sessionId, messageId: id }).then((forked) => {
                        location.assign(hashOf(['sessions', forked.sessionId]))
                      }),
                      'A new session has the conversation up to here'
                    )
                  }
                >
                  Fork
                </button>
              )}
            </div>
            {reasoning && (
              <details>
                <summary>Thoughts</summary>
                <p class="plain-text muted">{revealed(reasoning)}</p>
              </details>
            )}
            {toolCalls.map((call) => (
              <Tool key={call.callId} call={call} sessionId={sessionId} />
            ))}
            {content !== '' && <p class="plain-text">{revealed(content)}</p>}
            {attachments.map((file) => (
              <p
                key={file.id}
                class="muted"
              >{`File: ${revealed(file.filename ?? file.id)} (${file.mimeType}, ${file.bytes} bytes)`}</p>
            ))}
            {(status !== 'complete' || why) && (
              <p>
                <Shape tone="bad" /> {status === 'complete' ? '' : `${status}: `}
                {revealed(why ?? 'the answer has not ended')}
              </p>
            )}
          </li>
        )
      })}
    </ol>
  )
}

function Tool({ call: { tool, args, result }, sessionId }: { readonly call: ToolCall; readonly sessionId: string }) {
  const tools = toolHash(tool, args, sessionId)
  return (
    <details>
      <summary>
        <Shape tone={result ? (result.success ? 'good' : 'bad') : 'idle'} /> {revealed(tool)}{' '}
        {result ? (result.success ? 'succeeded' : `failed: ${revealed(result.error ?? result.output)}`) : 'never answered'}
      </summary>
      <Json value={args} label={`Arguments of ${tool}`} />
      {result && <Json value={result.success ? result.output : result} label={`Result of ${tool}`} />}
      {tools && <a href={tools}>Open in Tools</a>}
    </details>
  )
}
