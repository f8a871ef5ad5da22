/**
 * Exit codes. Those of sysexits.h where they exist, so that a supervisor knows that a restart after 78 is useless. 130 is the shell's
 * code for SIGINT.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, unavailable: 69, config: 78, interrupted: 130 } as const

/** Failure of a command, with a message for the user and an exit code. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The command line cannot be understood. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(EXIT.usage, message)
  }
}
