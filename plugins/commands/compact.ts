import { RpcError } from '../../rpc/errors.ts'
import type { Command } from './define.ts'

const NOTHING = 'There is nothing to compact: the model sees only a few messages.'

/**
 * Replaces the conversation so far with a summary, for the model. Nothing is deleted. It takes its turn in the lane, and a model writes the
 * summary. Later messages are seen in full.
 */
export const compact: Command = {
  name: 'compact',
  summary: 'Summarise the conversation so far for the agent, to make room',
  scope: 'write',
  async run(args, { app, caller, sessionId }) {
    // A longer text is meant for the agent. Its sender would wait for an answer.
    if (args !== '') return '/compact takes no arguments. Nothing was done: send /compact alone, then your message.'
    return await app.lanes.run(sessionId, {
      owner: caller.id,
      async run(turn) {
        if (!(await app.db.sessions.get(sessionId))) return NOTHING
        const { conversation } = await app.context.open(turn)
        try {
          const done = await conversation.compact()
          if (!done) return NOTHING
          const { before, after } = done
          return `Compacted: about ${before} tokens before, about ${after} now. You can still read the whole conversation.`
        } catch (err) {
          turn.signal.throwIfAborted()
          app.log.warn({ err, sessionId }, 'failed to summarise a conversation')
          const why = err instanceof RpcError ? ` ${err.message}.` : ''
          return `The conversation could not be summarised.${why} Nothing was changed.`
        }
      }
    })
  }
}
