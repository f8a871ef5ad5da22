import type { GatewayMethods } from '../../rpc/client/index.ts'

export type ListedCommand = GatewayMethods['commands.list']['result']['commands'][number]

/** Commands that begin like the text in the input field. */
export function matching(text: string, commands: readonly ListedCommand[]): readonly ListedCommand[] {
  const [, begun] = /^\/([a-z0-9_-]*)$/i.exec(text) ?? []
  return begun === undefined ? [] : commands.filter(({ name }) => name.startsWith(begun.toLowerCase()))
}

/** Text of the input field once a command was chosen. */
export function completed({ name, usage }: ListedCommand): string {
  return takesArguments({ name, usage }) ? `/${name} ` : `/${name}`
}

/** The text is this command as it stands: Enter sends it. */
export function isWhole(text: string, { name }: ListedCommand): boolean {
  return text.toLowerCase() === `/${name}`
}

/** Ways to write the command whose arguments are being written. */
export function usageOf(text: string, commands: readonly ListedCommand[]): readonly string[] {
  const [, begun] = /^\/([a-z0-9_-]+)\s/i.exec(text) ?? []
  const command = commands.find(({ name }) => name === begun?.toLowerCase())
  return command && takesArguments(command) ? command.usage : []
}

function takesArguments({ name, usage }: Pick<ListedCommand, 'name' | 'usage'>): boolean {
  return usage.some((line) => line !== `/${name}`)
}
