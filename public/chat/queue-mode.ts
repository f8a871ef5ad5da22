import type { LaneView, SessionSnapshot } from '../../rpc/client/model/index.ts'

/** Handling of a message that arrives while the agent is busy. */
export type QueueMode = LaneView['policy']['mode']

/** Each mode in words, for the sentence "A message that is sent now …". */
export const MODE_WORDS: Readonly<Record<QueueMode, string>> = {
  followup: 'waits for its turn',
  collect: 'waits, and is answered together with others',
  steer: 'goes into the answer under way',
  steer_backlog: 'goes into the answer, and is answered afterwards too',
  interrupt: 'stops the answer and all that waits'
}

export const MODES = Object.keys(MODE_WORDS) as QueueMode[]

const ORIGIN_WORDS: Readonly<Record<LaneView['origin']['mode'], string>> = {
  session: 'set for this conversation',
  channel: 'set for this channel',
  default: 'by default'
}

/** "followup, by default": the mode in force and its source. */
export function modeInForce({ policy, origin }: Pick<LaneView, 'policy' | 'origin'>): string {
  return `${policy.mode}, ${ORIGIN_WORDS[origin.mode]}`
}

/** Text of the newest message of the conversation, to write it again. */
export function lastPrompt({ turns, waiting }: Pick<SessionSnapshot, 'turns' | 'waiting'>): string | undefined {
  const own = waiting.findLast((one) => one.own)
  if (own) return own.text
  for (const { parts } of turns.toReversed()) {
    const message = parts.findLast((part) => part.kind === 'message')
    if (message && !message.partial && message.text !== '') return message.text
  }
  return undefined
}
