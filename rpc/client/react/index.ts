import { useMemo, useSyncExternalStore } from 'react'
import type { GatewayClient } from '../client.ts'
import { SessionModel, type SessionSnapshot } from '../model/index.ts'

/** Models without a subscriber that are kept for a client: a person who comes back sees the conversation at once. */
const MAX_IDLE = 20

/** State of a session, and what can be done with it. */
export interface UsedSession extends SessionSnapshot {
  readonly session: SessionModel
}

/** Models of each client: parts of a page that show the same session share one. */
const models = new WeakMap<GatewayClient, Map<string, SessionModel>>()

/**
 * Follows a session while the component is mounted, and draws it again when it changes, at most once a frame.
 *
 *     const { turns, waiting, session } = useSession(gateway, 'cli:me')
 */
export function useSession(client: GatewayClient, sessionId: string): UsedSession {
  const session = modelOf(client, sessionId)
  const snapshot = useSyncExternalStore(session.subscribe, session.getSnapshot, () => session.initial)
  return useMemo(() => ({ ...snapshot, session }), [snapshot, session])
}

function modelOf(client: GatewayClient, sessionId: string): SessionModel {
  const known = models.get(client) ?? new Map<string, SessionModel>()
  models.set(client, known)
  let model = known.get(sessionId)
  if (!model) {
    model = new SessionModel(client, sessionId)
    const idle = [...known].filter(([, { followed }]) => !followed)
    for (const [id] of idle.slice(0, Math.max(0, idle.length - MAX_IDLE + 1))) known.delete(id)
    known.set(sessionId, model)
  }
  return model
}
