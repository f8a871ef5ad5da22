import type { Caller, Requirement } from '../../rpc/define.ts'
import { allows, denied } from '../../rpc/registry.ts'
import { type GatewayInstance, NamedRegistry } from '../define.ts'
import type { Command, CommandContext, Invocation } from './define.ts'

const NAME = /^[a-z][a-z0-9_-]*$/
/** A slash, a word, and whatever else; on telephones sentences begin with a capital letter. */
const INVOCATION = /^\/([a-z][a-z0-9_-]*)(?:\s+(.*))?$/is

/** The commands of the gateway, and the one way to give them: authorised as methods are. */
export class Commands {
  readonly #commands = new NamedRegistry<Command>('command')
  readonly #app: GatewayInstance

  constructor(app: GatewayInstance) {
    this.#app = app
  }

  /** Adds a command. A name that is taken or malformed stops the start. */
  add(command: Command): void {
    if (!NAME.test(command.name)) {
      throw new Error(`command '${command.name}': a name is small letters, digits, _ and -, a letter first and no slash`)
    }
    this.#commands.add(command)
  }

  get(name: string): Command | undefined {
    return this.#commands.get(name)
  }

  /** In the order in which they were added. */
  list(): Command[] {
    return this.#commands.list()
  }

  /** The command that a message is; undefined for an ordinary one, and that is also one that names no command there is. */
  find(message: string): Invocation | undefined {
    const [, name, args = ''] = INVOCATION.exec(message) ?? []
    const command = name === undefined ? undefined : this.get(name.toLowerCase())
    return command && { command, args: args.trim() }
  }

  /**
   * Gives a command, and answers its text. The command begins at once: what it does in a lane keeps its place among the messages.
   * @throws RpcError AuthFailed when the caller may not; whatever the command throws
   */
  async run({ command, args }: Invocation, given: Omit<CommandContext, 'app'>): Promise<string> {
    const scope = scopeOf(command, args)
    if (!allows(given.caller, scope)) throw denied(`/${command.name}${args && ' …'}`, scope)
    return await command.run(args, { ...given, app: this.#app })
  }
}

/** Whether a caller can do anything at all with a command. */
export function mayUse(caller: Caller, command: Command): boolean {
  return allows(caller, scopeOf(command, ''))
}

function scopeOf({ scope }: Command, args: string): Requirement {
  return typeof scope === 'function' ? scope(args) : scope
}
