import { EXIT } from './exit.ts'

/** Runs until it is done, or until somebody presses Ctrl-C: then `abort` is called, and the code is 130. */
export async function interruptible(work: Promise<number>, abort: () => void): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const onSignal = () => {
    abort()
    resolve(EXIT.interrupted)
  }
  process.once('SIGINT', onSignal)
  // Whoever read what is printed has enough, as `head` does.
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
