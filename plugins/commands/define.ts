import type { Caller, Requirement } from '../../rpc/define.ts'
import type { GatewayInstance } from '../define.ts'

/** Who gave a command, and where. */
export interface CommandContext {
  readonly app: GatewayInstance
  /** From the credential, as for a method. */
  readonly caller: Caller
  /** The session the command was given in. It need not have been stored yet. */
  readonly sessionId: string
}

/** Something a person can tell the gateway in the middle of a conversation: a message that is answered at once, by no model. */
export interface Command {
  /** What follows the slash: small letters, digits, `_` and `-`. */
  readonly name: string
  /** One line for people, no full stop. */
  readonly summary: string
  /** How it is written, a line each: `/queue set mode=collect`. Absent: it takes nothing after its name. */
  readonly usage?: string
  /**
   * What a caller must be allowed to give it, as with methods. A function where that depends on what follows the name;
   * it is asked before anything else, and for `/help` with nothing.
   */
  readonly scope: Requirement | ((args: string) => Requirement)
  /**
   * @param args what follows the name, without the space around it; may have several lines
   * @returns the answer, plain text for people. What the person got wrong is an answer as well
   * @throws RpcError where there is nothing to answer; anything else is shown as an internal error
   */
  run(args: string, context: CommandContext): string | Promise<string>
}

/** A message that is a command. */
export interface Invocation {
  readonly command: Command
  readonly args: string
}
