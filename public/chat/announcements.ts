import type { ChatTurn, SessionSnapshot, TextPart } from '../../rpc/client/model/index.ts'

/** Characters of an answer that are read out; the whole stands in its article. */
const READ_OUT = 500
const OPEN = new Set<ChatTurn['state']>(['sent', 'uncertain', 'working', 'stopping'])

/** Words for a screen reader about the step from one state of a conversation to the next: ends of turns and questions, never single words of an answer. */
export function announcements(before: SessionSnapshot, now: SessionSnapshot): string[] {
  const said: string[] = []
  // Turns that come from the history are no news.
  if (before.history.loaded) {
    const earlier = new Map(before.turns.map((turn) => [turn.key, turn]))
    for (const turn of now.turns) {
      if (OPEN.has(turn.state)) continue
      const last = earlier.get(turn.key)
      // One of this client may come and end between two looks.
      if (last ? OPEN.has(last.state) : turn.parts.some((part) => part.kind === 'message' && part.key !== undefined)) {
        said.push(endOf(turn))
      }
    }
  }
  const asked = new Set(before.confirmations.map(({ callId }) => callId))
  for (const { callId, tool } of now.confirmations) {
    if (!asked.has(callId)) said.push(`The agent asks to run ${tool}.`)
  }
  if (now.context && now.context !== before.context) said.push(now.context.message)
  if (now.error && now.error.message !== before.error?.message) said.push(now.error.message)
  return said
}

function endOf({ state, parts, error }: ChatTurn): string {
  switch (state) {
    case 'done': {
      const reply = parts.find((part) => part.kind === 'reply')
      if (reply) return `The gateway has answered: ${reply.text.slice(0, READ_OUT)}`
      const texts = parts.filter((part): part is TextPart => part.kind === 'text').map(({ text }) => text)
      return texts.length === 0 ? 'The agent has finished.' : `The agent has answered: ${texts.join('\n\n').slice(0, READ_OUT)}`
    }
    case 'stopped':
      return 'The agent was stopped.'
    default:
      return `There is no complete answer: ${error?.message ?? 'its end is unknown'}`
  }
}
