import type { GatewayClient, SessionEvent } from '../rpc/client/index.ts'
import { printEvent } from './call.ts'
import { asFailure, openClient, type PrintedEvent, reasonOf } from './client.ts'
import { EventPrinter } from './event-printer.ts'
import { EXIT } from './exit.ts'
import { interruptible } from './interrupt.ts'
import { say } from './output.ts'
import { findTarget, type TargetFlags } from './target.ts'

/** Sessions that a gateway lets one connection follow. */
const MAX_SESSIONS = 100
/** Interval between looks for new sessions. */
const LOOK_MS = 2000

/** Follows a session, or all of them, until Ctrl-C: readable lines on a terminal, else one JSON object a line. */
export async function tail(
  sessionId: string | undefined,
  flags: TargetFlags & { readonly json?: true },
  env: NodeJS.ProcessEnv
): Promise<number> {
  const target = await findTarget(flags, env)
  const printer = process.stdout.isTTY && !flags.json ? new EventPrinter((text) => process.stdout.write(text)) : undefined
  const show = (event: PrintedEvent): void => (printer ? printer.take(event) : printEvent(event))
  const client = await openClient(target)
  client.on('canvas', () => {})
  client.on('shutdown', (data) => show({ event: 'shutdown', data }))
  let lost = false
  client.onState((state) => {
    if (state.name === 'waiting' && !lost) say(`Lost the gateway: ${reasonOf(state)}. Trying again …`)
    if (state.name === 'connected' && lost) say('Connected again.')
    lost = state.name !== 'connected'
  })
  const following = sessionId === undefined ? followAll(client, show) : printAll(client.session(sessionId).follow(), show)
  say(`Following ${sessionId ?? 'every session'} of ${target.url}. Ctrl-C ends it.`)
  return await interruptible(
    following.then(
      () => EXIT.ok,
      (error) => {
        throw asFailure(error)
      }
    ),
    () => void client.close()
  )
}

/** Follows one session until the iteration is left. */
async function printAll(events: AsyncIterable<SessionEvent>, show: (event: PrintedEvent) => void): Promise<void> {
  for await (const event of events) show(event as PrintedEvent)
}

/**
 * Follows the newest sessions, and those that begin later from their first run on. A session that is no longer among the newest makes
 * room. Rejects when the gateway refuses.
 */
async function followAll(client: GatewayClient, show: (event: PrintedEvent) => void): Promise<never> {
  const failed = Promise.withResolvers<never>()
  const followed = new Map<string, AsyncIterableIterator<SessionEvent>>()
  const look = async (replay: boolean): Promise<void> => {
    const { sessions } = await client.call('sessions.list', { limit: MAX_SESSIONS })
    const newest = new Set(sessions.map(({ id }) => id))
    for (const [id, events] of followed) if (!newest.has(id) && followed.delete(id)) void events.return?.()
    for (const id of newest) {
      if (followed.has(id)) continue
      const events = client.session(id).follow({ replay })
      followed.set(id, events)
      printAll(events, show).catch(failed.reject)
    }
  }
  await look(false)
  const looking = setInterval(() => void look(true).catch(() => {}), LOOK_MS)
  return failed.promise.finally(() => clearInterval(looking))
}
