import { gatewayPlugin } from '../define.ts'
import { compact } from './compact.ts'
import { elevate } from './elevate.ts'
import { help } from './help.ts'
import { list } from './methods.ts'
import { model } from './model.ts'
import { newConversation } from './new.ts'
import { queue } from './queue.ts'
import { Commands } from './registry.ts'
import { status } from './status.ts'
import { cancel, stop } from './stop.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Slash commands. */
    commands: Commands
  }
}

export type { Command, CommandContext, Invocation } from './define.ts'
export type { Commands } from './registry.ts'

/** Owns `app.commands`: built-in commands, and those that other plugins add before the start. */
export default gatewayPlugin({ name: 'commands', dependencies: ['rpc'] }, async (app) => {
  const commands = new Commands(app)
  for (const command of [queue, stop, cancel, newConversation, compact, model, elevate, status, help]) commands.add(command)
  app.decorate('commands', commands)
  app.rpc.method(list)
})
