import type { StartFlags } from '../server/serve.ts'
import { Signals } from '../server/signals.ts'
import { EXIT, Failure } from './exit.ts'

/** Starts a gateway. Resolves with undefined once it listens: the process then lives for it. */
export async function start(flags: StartFlags, env: NodeJS.ProcessEnv): Promise<undefined> {
  const signals = new Signals()
  const { serve, Unavailable } = await import('../server/serve.ts')
  await serve(flags, env, signals).catch((error: Error) => {
    throw error instanceof Unavailable ? new Failure(EXIT.unavailable, error.message) : error
  })
}
