import { RpcError } from '../../rpc/errors.ts'
import type { Command } from './define.ts'

const NOTHING = 'There is nothing to compact: the model sees no more than a few messages.'

/**
 * Lets a summary take the place of what was said so far, for the model; nothing is deleted. It takes its turn in the lane, and a model
 * has to write the summary: it ends with what was said before it, and what is said after it is seen in full.
 */
export const compact: Command = {
  name: 'compact',
  summary: 'Summarise the conversation so far for the agent, to make room',
  scope: 'write',
  async run(args, { app, caller, sessionId }) {
    // Whoever goes on writing means it for the agent, and would wait for an answer.
    if (args !== '') return '/compact takes nothing after it. Nothing was done: send /compact by itself, and then your message.'
    return await app.lanes.run(sessionId, {
      owner: caller.id,
      async run(turn) {
        if (!(await app.db.sessions.get(sessionId))) return NOTHING
        const { conversation } = await app.context.open(turn)
        try {
          const done = await conversation.compact()
          if (!done) return NOTHING
          const { before, after } = done
          return `Compacted: about ${before} tokens before, about ${after} now. You can still read everything that was said.`
        } catch (err) {
          turn.signal.throwIfAborted()
          app.log.warn({ err, sessionId }, 'a conversation could not be summarised')
          const why = err instanceof RpcError ? ` ${err.message}.` : ''
          return `The conversation could not be summarised.${why} Nothing was changed.`
        }
      }
    })
  }
}
