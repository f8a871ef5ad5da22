import { setTimeout as sleep } from 'node:timers/promises'
import type { Failure } from './exit.ts'
import { ResumeCursor } from './resume-cursor.ts'
import { type Frame, GatewaySocket } from './socket.ts'
import type { Target } from './target.ts'

/** What a gateway lets one connection follow. */
const MAX_SESSIONS = 100
/** How often sessions are looked for that are new. */
const LOOK_MS = 2000
const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 10_000
const EXTENSION_EVENTS = ['accepted', 'canvas', 'shutdown']

export interface FollowOptions {
  readonly target: Target
  /** Absent: every session there is, and those to come. */
  readonly sessionId?: string | undefined
  readonly onEvent: (frame: Frame) => void
  readonly onConnected: (again: boolean) => void
  readonly onLost: (why: Failure) => void
  readonly signal: AbortSignal
}

/**
 * Tells what sessions do from now on, over as many connections as it takes. After a break the runs that were under way are told from
 * where they were left, and of what ran meanwhile the last of each session. Settles when `signal` is aborted.
 * @throws Failure when there is no gateway at first, or it refuses
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { target, sessionId, onEvent, onConnected, onLost, signal } = options
  const seen = new Map<string, ResumeCursor>()
  let pause = FIRST_PAUSE_MS
  for (let again = false; !signal.aborted; again = true) {
    const lost = await connection(again).catch((error: Failure) => {
      if (!again) throw error
      return error
    })
    if (signal.aborted) return
    onLost(lost)
    await sleep(pause, undefined, { signal }).catch(() => {})
    pause = Math.min(pause * 2, MAX_PAUSE_MS)
  }

  /** From the handshake to the end of one connection. */
  async function connection(again: boolean): Promise<Failure> {
    const gateway = await GatewaySocket.open(target, onEvent)
    const close = () => gateway.close()
    signal.addEventListener('abort', close, { once: true })
    const look = setInterval(() => void (sessionId === undefined && followAll(gateway).catch(() => {})), LOOK_MS)
    const followed = new Set<string>()
    try {
      await gateway.call('system.hello', { events: EXTENSION_EVENTS }, onEvent)
      if (sessionId === undefined) await followAll(gateway, !again)
      else await followOne(gateway, sessionId)
      pause = FIRST_PAUSE_MS
      onConnected(again)
      return await gateway.closed
    } finally {
      clearInterval(look)
      signal.removeEventListener('abort', close)
      gateway.close()
    }

    async function followAll(gateway: GatewaySocket, fromNow = false): Promise<void> {
      const { sessions } = (await gateway.call('sessions.list', { limit: MAX_SESSIONS })) as { sessions: { id: string }[] }
      const listed = new Set(sessions.map(({ id }) => id))
      for (const id of listed) {
        if (followed.has(id)) continue
        const [silent] = [...followed].filter((one) => !listed.has(one))
        if (followed.size >= MAX_SESSIONS && silent !== undefined) {
          followed.delete(silent)
          seen.delete(silent)
          await gateway.call('sessions.unsubscribe', { sessionId: silent })
        }
        followed.add(id)
        // One that was not there a moment ago has begun without us.
        if (!fromNow && !seen.has(id)) seen.set(id, new ResumeCursor())
        await followOne(gateway, id)
      }
    }
  }

  /** What was missed comes first: a subscription leaves out what the same connection resumes. */
  async function followOne(gateway: GatewaySocket, id: string): Promise<void> {
    const known = seen.get(id)
    const memory = known ?? new ResumeCursor()
    seen.set(id, memory)
    const take = (frame: Frame) => {
      if (memory.take(frame)) onEvent(frame)
    }
    const resume = (params: object) => void gateway.call('sessions.resume', { sessionId: id, ...params }, take).catch(() => {})
    if (known) {
      for (const runId of known.open()) resume({ runId, afterSeq: known.after(runId) })
      resume({})
    }
    await gateway.call('sessions.subscribe', { sessionId: id }, take)
  }
}
