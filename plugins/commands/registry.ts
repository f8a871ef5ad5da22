import type { Caller, Requirement } from '../../rpc/define.ts'
import { allows, denied } from '../../rpc/registry.ts'
import { type GatewayInstance, NamedRegistry } from '../define.ts'
import type { Command, CommandContext, Invocation } from './define.ts'

const NAME = /^[a-z][a-z0-9_-]*$/
/** A slash, a word, and any text. Phones begin sentences with a capital letter. */
const INVOCATION = /^\/([a-z][a-z0-9_-]*)(?:\s+(.*))?$/is

/** The commands of the gateway. They are authorised like methods. */
export class Commands {
  readonly #commands = new NamedRegistry<Command>('command')
  readonly #app: GatewayInstance

  constructor(app: GatewayInstance) {
    this.#app = app
  }

  /** Adds a command. A taken or malformed name stops the start. */
  add(command: Command): void {
    if (!NAME.test(command.name)) {
      throw new Error(
        `command '${command.name}': a name has small letters, digits, _ and -, begins with a letter, and has no slash`
      )
    }
    this.#commands.add(command)
  }

  get(name: string): Command | undefined {
    return this.#commands.get(name)
  }

  /** Commands in the order in which they were added. */
  list(): Command[] {
    return this.#commands.list()
  }

  /** The command in a message; undefined for an ordinary message, and for one that names an unknown command. */
  find(message: string): Invocation | undefined {
    const [, name, args = ''] = INVOCATION.exec(message) ?? []
    const command = name === undefined ? undefined : this.get(name.toLowerCase())
    return command && { command, args: args.trim() }
  }

  /**
   * Runs a command, and returns its answer. It begins at once: its work in a lane keeps its place among the messages.
   * @throws RpcError AuthFailed when the caller may not; whatever the command throws
   */
  async run({ command, args }: Invocation, given: Omit<CommandContext, 'app'>): Promise<string> {
    const scope = scopeOf(command, args)
    if (!allows(given.caller, scope)) throw denied(`/${command.name}${args && ' …'}`, scope)
    return await command.run(args, { ...given, app: this.#app })
  }
}

/** True if a caller may use a command in at least one way. */
export function mayUse(caller: Caller, command: Command): boolean {
  return allows(caller, scopeOf(command, ''))
}

function scopeOf({ scope }: Command, args: string): Requirement {
  return typeof scope === 'function' ? scope(args) : scope
}
