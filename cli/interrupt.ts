import { EXIT } from './exit.ts'

/** Waits for `work`, or for Ctrl-C, which calls `abort` and makes the exit code 130. */
export async function interruptible(work: Promise<number>, abort: () => void): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const onSignal = () => {
    abort()
    resolve(EXIT.interrupted)
  }
  process.once('SIGINT', onSignal)
  // The reader of stdout has closed it, as `head` does.
  process.stdout.once('error', () => {
    abort()
    resolve(EXIT.ok)
  })
  try {
    return await Promise.race([work, promise])
  } finally {
    process.off('SIGINT', onSignal)
  }
}
