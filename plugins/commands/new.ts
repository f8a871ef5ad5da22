import type { Command } from './define.ts'

/**
 * Begins a new conversation in the same session. Nothing is deleted, but the model no longer sees earlier messages. It takes its turn in the
 * lane, so a run of another caller ends in the conversation it began in, and later messages are in the new one.
 */
export const newConversation: Command = {
  name: 'new',
  summary: 'Begin a new conversation: the agent forgets this one, but you can still read it',
  scope: 'write',
  async run(args, { app, caller, sessionId }) {
    // A longer text is meant for the agent. Its sender would wait for an answer.
    if (args !== '') return '/new takes no arguments. Nothing was done: send /new alone, then your message.'
    const owner = caller.id
    app.lanes.cancel(sessionId, { owner })
    await app.lanes.run(sessionId, { owner, pinned: true, run: () => app.db.sessions.renew(sessionId) })
    return 'A new conversation begins.'
  }
}
