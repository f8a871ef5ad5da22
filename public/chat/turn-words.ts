import type { ChatTurn, TurnError, TurnPart } from '../../rpc/client/model/turn.ts'
import { count } from '../ui/format.ts'
import type { Tone } from '../ui/tone.ts'

/** Words about the state of a turn, with their shape. */
export interface StateWords {
  readonly tone: Tone
  readonly text: string
  /** Its meaning, or the next step. */
  readonly hint?: string
}

/** Undefined for a complete answer, which needs no words. A failure has `failureOf` instead. */
export function stateOf({ state, parts, stopReason }: ChatTurn): StateWords | undefined {
  switch (state) {
    case 'sent':
      return { tone: 'idle', text: 'Sent' }
    case 'uncertain':
      return {
        tone: 'wait',
        text: 'Uncertain',
        hint: 'The connection broke before the gateway confirmed this message. It is sent again with the same key as soon as there is a connection, and runs once.'
      }
    case 'working':
      return { tone: 'wait', text: parts.every(({ kind }) => kind === 'message') ? 'Thinking' : 'Working' }
    case 'stopping':
      return { tone: 'wait', text: 'Stopping' }
    case 'stopped':
      return { tone: 'idle', text: 'Stopped' }
    case 'unanswered':
      return { tone: 'idle', text: 'Not finished', hint: 'The gateway ended before this answer did, or does not know its end.' }
    case 'failed':
      return undefined
    case 'done':
      if (stopReason === 'length') {
        return { tone: 'wait', text: 'Cut off at the token limit', hint: 'Ask the agent to go on, or for a shorter answer.' }
      }
      return stopReason === 'empty'
        ? { tone: 'idle', text: 'The model gave no answer', hint: 'Try again, or ask in other words.' }
        : undefined
  }
}

/** A failure for a person: the reason, and what to do. */
export interface FailureWords {
  readonly reason: string
  readonly advice: string
}

const CAUSES: Readonly<Record<NonNullable<TurnError['cause']>, FailureWords>> = {
  overflow: {
    reason: 'This message was dropped: too many were waiting.',
    advice: 'Send it again once the agent has caught up, or allow more messages to wait.'
  },
  superseded: { reason: 'A newer message replaced this one.', advice: 'Send it again if the newer one does not cover it.' },
  cancelled: { reason: 'This message was taken back before the agent got it.', advice: 'Send it again if it is still needed.' },
  shutdown: { reason: 'The gateway shut down before the agent got this message.', advice: 'Send it again.' },
  offline: { reason: 'The connection was closed before this message was sent.', advice: 'Connect again, then send it again.' }
}

/** By code of the protocol. */
const ADVICE: Readonly<Record<number, string>> = {
  [-5]: 'Log in with a token that may send messages.',
  [-4]: 'Log in, then send it again.',
  [-2]: 'Change the message, then send it again.',
  1: 'Reload the page: the conversation may have been deleted.',
  3: 'Wait a moment, then send it again.',
  5: 'Try again. If it fails again, see the run and the log of the gateway.'
}

export function failureOf({ code, message, cause }: TurnError): FailureWords {
  if (cause) return CAUSES[cause]
  return { reason: message, advice: (code !== undefined && ADVICE[code]) || 'Try again.' }
}

/** The failure as text, for a report. */
export function failureDetails({ key, runId, error }: Pick<ChatTurn, 'key' | 'runId' | 'error'>): string {
  const { code, message = '', cause } = error ?? {}
  const lines = [
    message,
    code !== undefined && `Code: ${code}`,
    cause && `Cause: ${cause}`,
    runId === undefined ? `Message: ${key}` : `Run: ${runId}`
  ]
  return lines.filter(Boolean).join('\n')
}

/** "1,204 tokens in, 96 out". */
export function usageOf({ usage }: Pick<ChatTurn, 'usage'>): string | undefined {
  return usage && `${count(usage.inputTokens)} tokens in, ${count(usage.outputTokens)} out`
}

/** Texts of the answer as Markdown, without calls, thoughts and words of the gateway; for a command its reply. */
export function answerText(parts: readonly TurnPart[]): string {
  return parts
    .flatMap((part) => (part.kind === 'text' || (part.kind === 'reply' && !part.begins) ? [part.text] : []))
    .join('\n\n')
}

const sameDay = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const otherDay = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** "14:01" today, with the date on another day. */
export function clockTime(at: number, now: number): string {
  const today = new Date(at).toDateString() === new Date(now).toDateString()
  return (today ? sameDay : otherDay).format(at)
}

const NAME_CHARACTERS = 60

/** Beginning of a text as the name of an article: "You: what went wrong?". */
export function articleName(who: string, text: string): string {
  const line = text
    .slice(0, NAME_CHARACTERS * 4)
    .replace(/\s+/g, ' ')
    .trim()
  if (line === '') return who
  return `${who}: ${line.length > NAME_CHARACTERS ? `${line.slice(0, NAME_CHARACTERS)}…` : line}`
}
