import { ownedBy } from '../../rpc/schemas/queue.ts'
import type { Command, CommandContext } from './define.ts'

const definition = {
  summary: 'Stop the agent and cancel the waiting messages',
  scope: 'write',
  run(_args: string, { app, caller, sessionId }: CommandContext) {
    const { queued, running } = app.lanes.cancel(sessionId, ownedBy(caller))
    const waiting = queued > 0 && `${queued} waiting ${queued === 1 ? 'message' : 'messages'}`
    const stopped = [running && 'the active run', waiting].filter(Boolean).join(' and ')
    return stopped === '' ? 'There was nothing of yours to stop.' : `Stopped: ${stopped}.`
  }
} satisfies Omit<Command, 'name'>

/** Like the method `agent.cancel`, except that an idle session gets an answer that says so. */
export const stop: Command = { name: 'stop', ...definition }
export const cancel: Command = {
  name: 'cancel',
  ...definition,
  run(args, context) {
    // `/cancel my subscription` is meant for the agent, and would be lost.
    if (args !== '') return '/cancel takes no arguments. Nothing was stopped: send /cancel alone.'
    return definition.run(args, context)
  }
}
