import type { WaitingMessage } from '../../rpc/client/model/index.ts'
import type { Tone } from '../ui/tone.ts'

/** State of a waiting message in words. */
export function stateOf(
  { state, position }: WaitingMessage,
  connected: boolean
): { readonly tone: Tone; readonly words: string } {
  switch (state) {
    case 'unsent':
      return { tone: 'idle', words: connected ? 'Not sent yet' : 'Not sent yet: waits for a connection' }
    case 'sent':
      return { tone: 'wait', words: 'On its way' }
    case 'uncertain':
      return { tone: 'bad', words: 'Uncertain: the connection broke on the way. It is sent once more when it is back' }
    case 'queued':
      return { tone: 'wait', words: position > 0 ? `In the queue, ${position} ahead` : 'In the queue' }
  }
}
