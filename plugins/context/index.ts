import { gatewayPlugin } from '../define.ts'
import { ContextManager } from './context-manager.ts'
import * as methods from './methods.ts'
import { list } from './models.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Context windows of conversations. */
    context: ContextManager
  }
}

export type { ConversationTurn, Tier } from './context-manager.ts'
export { ContextManager } from './context-manager.ts'
export type { Conversation } from './conversation.ts'

/** Owns `app.context` and the method `system.contextUsage`. */
export default gatewayPlugin({ name: 'context', dependencies: ['config', 'db', 'rpc', 'providers', 'tools'] }, async (app) => {
  app.decorate('context', new ContextManager(app))
  for (const method of Object.values(methods)) app.rpc.method(method)
  app.rpc.method(list)
})
