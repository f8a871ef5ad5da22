import { ReasoningEvent } from '../../rpc/schemas/agent.ts'
import { AcceptedEvent } from '../../rpc/schemas/queue.ts'
import { gatewayPlugin } from '../define.ts'
import { Agent } from './accept.ts'
import * as methods from './methods.ts'
import { AgentTurns } from './settle.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Accepts messages and runs the agent. */
    agent: Agent
  }
}

export type { Agent, Message, Receipt } from './accept.ts'
export type { Reply } from './settle.ts'

/** Owns `app.agent`. Messages that the last process left are resumed once every plugin is registered. */
export default gatewayPlugin(
  {
    name: 'agent',
    dependencies: [
      'hooks',
      'auth',
      'attachments',
      'audit',
      'bus',
      'sessions',
      'runs',
      'context',
      'tools',
      'confirmations',
      'lanes',
      'commands',
      'presence'
    ]
  },
  async (app) => {
    const turns = new AgentTurns(app)
    app.decorate('agent', new Agent(app, turns))
    const { resume, ...left } = await app.lanes.setHandler(turns)
    if (left.waiting + left.interrupted > 0) app.log.warn(left, 'found messages that the last process left unanswered')
    // Only once this gateway certainly serves: runs that a failed start cut off would be lost.
    app.addHook('onListen', async () => resume())
    // A revoked credential must not go on acting through what it sent before.
    app.auth.onRevoked((revoked) => app.lanes.revoke(revoked))
    for (const method of Object.values(methods)) app.rpc.method(method)
    app.rpc.event('accepted', AcceptedEvent)
    app.rpc.event('reasoning', ReasoningEvent, { scope: 'read' })
  }
)
