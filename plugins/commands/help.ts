import type { Command } from './define.ts'
import { mayUse } from './registry.ts'

/** Lists the commands that the caller may use, or shows the usage of one. */
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
    if (!command) return 'There is no such command, or you may not use it. /help lists the commands you may use.'
    const { name, summary, usage = `/${name}` } = command
    return `${summary}\n${usage}`
  }
}
