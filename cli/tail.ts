import { printFrame } from './call.ts'
import { EventPrinter } from './event-printer.ts'
import { EXIT } from './exit.ts'
import { follow } from './following.ts'
import { interruptible } from './interrupt.ts'
import { say } from './output.ts'
import { findTarget, type TargetFlags } from './target.ts'

/** Follows a session, or all of them, until Ctrl-C: for people on a terminal, else one JSON object a line. */
export async function tail(
  sessionId: string | undefined,
  flags: TargetFlags & { readonly json?: true },
  env: NodeJS.ProcessEnv
): Promise<number> {
  const target = await findTarget(flags, env)
  const told = process.stdout.isTTY && !flags.json ? new EventPrinter((text) => process.stdout.write(text)) : undefined
  const abort = new AbortController()
  const following = follow({
    target,
    sessionId,
    onEvent: (frame) => (told ? told.take(frame) : printFrame(frame)),
    onConnected: (again) =>
      say(again ? 'Connected again.' : `Following ${sessionId ?? 'every session'} of ${target.url}. Ctrl-C ends it.`),
    onLost: ({ message }) => say(`Lost the gateway: ${message}. Trying again …`),
    signal: abort.signal
  })
  return await interruptible(
    following.then(() => EXIT.ok),
    () => abort.abort()
  )
}
