import type { Command } from './define.ts'

/**
 * Begins a new conversation in the same session. Nothing is deleted: the model no longer sees what came before. It takes its turn in the
 * lane, so that a run of somebody else ends in the conversation it began in, and a message sent after it is in the new one.
 */
export const newConversation: Command = {
  name: 'new',
  summary: 'Begin a new conversation: the agent forgets this one, though you can still read it',
  scope: 'write',
  async run(args, { app, caller, sessionId }) {
    // Whoever goes on writing means it for the agent, and would wait for an answer.
    if (args !== '') return '/new takes nothing after it. Nothing was done: send /new by itself, and then your message.'
    const owner = caller.id
    app.lanes.cancel(sessionId, { owner })
    await app.lanes.run(sessionId, { owner, pinned: true, run: () => app.db.sessions.renew(sessionId) })
    return 'A new conversation begins.'
  }
}
