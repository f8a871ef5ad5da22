/**
 * How a command ends. From sysexits.h where it has a number, so that a supervisor can tell what is worth a restart: 78 never is.
 * 130 is what a shell makes of SIGINT.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, unavailable: 69, config: 78, interrupted: 130 } as const

/** Why a command ends before its end, in words for whoever typed it. */
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
