import { ownedBy } from '../../rpc/schemas/queue.ts'
import type { Command, CommandContext } from './define.ts'
import { messages } from './format.ts'

const definition = {
  summary: 'Stop the agent, and take back what waits',
  scope: 'write',
  run(_args: string, { app, caller, sessionId }: CommandContext) {
    const { queued, running } = app.lanes.cancel(sessionId, ownedBy(caller))
    const waiting = queued > 0 && `${messages(queued)} that waited`
    const stopped = [running && 'what was running', waiting].filter(Boolean).join(' and ')
    return stopped === '' ? 'There was nothing of yours to stop.' : `Stopped: ${stopped}.`
  }
} satisfies Omit<Command, 'name'>

/** The same as the method `agent.cancel`, except that a session without anything to stop is told so. */
export const stop: Command = { name: 'stop', ...definition }
export const cancel: Command = {
  name: 'cancel',
  ...definition,
  run(args, context) {
    // `/cancel my subscription` is meant for the agent, and would be lost.
    if (args !== '') return '/cancel takes nothing after it. Nothing was stopped: send /cancel by itself.'
    return definition.run(args, context)
  }
}
