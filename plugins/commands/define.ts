import type { Caller, Requirement } from '../../rpc/define.ts'
import type { GatewayInstance } from '../define.ts'

/** Caller and session of a command. */
export interface CommandContext {
  readonly app: GatewayInstance
  /** From the credential, as for a method. */
  readonly caller: Caller
  /** Session in which the command was sent. It need not have been stored yet. */
  readonly sessionId: string
}

/** A message to the gateway in a conversation. It is answered at once and without a model. */
export interface Command {
  /** Name after the slash: small letters, digits, `_` and `-`. */
  readonly name: string
  /** One line for people, no full stop. */
  readonly summary: string
  /** Ways to write it, one a line: `/queue set mode=collect`. Absent: it takes no arguments. */
  readonly usage?: string
  /**
   * Scope that a caller needs, as for methods. A function where it depends on the arguments. It is called before anything
   * else, and for `/help` with an empty string.
   */
  readonly scope: Requirement | ((args: string) => Requirement)
  /**
   * @param args text after the name, trimmed; may have several lines
   * @returns the answer, plain text for people. A mistake of the person is an answer as well
   * @throws RpcError when there is no answer; anything else is shown as an internal error
   */
  run(args: string, context: CommandContext): string | Promise<string>
}

/** A message that is a command. */
export interface Invocation {
  readonly command: Command
  readonly args: string
}
