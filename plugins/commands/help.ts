import type { Command } from './define.ts'
import { mayUse } from './registry.ts'

/** What the caller may use; with a name after it, how that one is written. */
export const help: Command = {
  name: 'help',
  summary: 'List the commands',
  usage: '/help\n/help <command>',
  scope: 'any',
  run(args, { app, caller }) {
    const usable = app.commands.list().filter((command) => mayUse(caller, command))
    if (args === '') return usable.map(({ name, summary }) => `/${name}: ${summary}`).join('\n')
    const wanted = args.toLowerCase().replace(/^\//, '')
    const command = usable.find(({ name }) => name === wanted)
    if (!command) return 'There is no such command, or you may not use it. /help lists those you may.'
    const { name, summary, usage = `/${name}` } = command
    return `${summary}\n${usage}`
  }
}
