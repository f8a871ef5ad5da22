import { LaneError } from '../../lanes/errors.ts'
import { LaneDetails } from '../../rpc/schemas/queue.ts'
import type { GatewayInstance } from '../define.ts'
import type { Events } from './events.ts'
import {
  AuditEvent,
  ConfigEvent,
  ConfirmEvent,
  JobEvent,
  NodeEvent,
  PairingEvent,
  PresenceEvent,
  RunEvent,
  SessionEvent
} from './schema.ts'

/** Registers the kinds of the gateway's own events, and publishes what the hooks report. */
export function publishChanges(app: GatewayInstance, events: Events): void {
  const { hooks, lanes, confirmations } = app

  events.kind('session', SessionEvent, { scope: 'read' })
  const sessionUpdated = (sessionId: string): void =>
    events.changed('session', sessionId, () => ({ sessionId, change: 'updated' }))
  // At once: a change that waits must not come after the end of the session.
  hooks.on('session.changed', ({ sessionId, change }) => {
    if (change === 'updated') sessionUpdated(sessionId)
    else events.publish('session', { sessionId, change })
  })

  events.kind('lane', LaneDetails, { scope: 'read' })
  hooks.on('lane.changed', ({ sessionId }) => {
    events.changed('lane', sessionId, () => lanes.queues.describe(sessionId))
    sessionUpdated(sessionId)
  })

  events.kind('run', RunEvent, { scope: 'read' })
  hooks.on('run.claimed', ({ sessionId, runId }) => events.publish('run', { sessionId, runId, state: 'running', at: Date.now() }))
  hooks.on('run.ended', ({ sessionId, runId, end }) => {
    const state = 'outcome' in end ? 'completed' : isCancelled(end.error) ? 'cancelled' : 'failed'
    events.publish('run', { sessionId, runId, state, at: Date.now() })
    sessionUpdated(sessionId)
  })

  events.kind('confirm', ConfirmEvent, { scope: 'read' })
  hooks.on('confirm.opened', (confirmation) => events.publish('confirm', { change: 'opened', confirmation }))
  hooks.on('confirm.closed', ({ approved, ...confirmation }) =>
    events.publish('confirm', { change: 'closed', approved, confirmation })
  )
  // An open inbox counts as a person who can answer.
  confirmations.setInbox(() => events.audience('confirm'))
  hooks.on('connection.audience', ({ peer, caller, closed }) => {
    if (!closed) confirmations.recheck()
    else if (events.wants(peer, 'confirm')) confirmations.departed(caller)
  })

  events.kind('node', NodeEvent, { scope: 'operate' })
  hooks.on('node.changed', ({ nodeId, change }) => {
    if (change === 'updated') events.changed('node', nodeId, () => ({ nodeId, change }))
    else events.publish('node', { nodeId, change })
  })

  events.kind('presence', PresenceEvent, { scope: 'read' })
  hooks.on('presence.seen', (sighting) =>
    events.changed('presence', JSON.stringify([sighting.channel, sighting.senderId]), () => sighting)
  )

  events.kind('audit', AuditEvent, { scope: 'operate' })
  events.kind('pairing', PairingEvent, { scope: 'operate' })
  hooks.on('audit.recorded', (entry) => {
    events.publish('audit', entry)
    const { channel, senderId } = entry.detail
    if (!entry.event.startsWith('pairing.') || typeof channel !== 'string') return
    const change = entry.event.slice('pairing.'.length)
    events.publish('pairing', { change, channel, ...(typeof senderId === 'string' ? { senderId } : {}) })
  })

  hooks.on('pairing.request', ({ channel, senderId }) => {
    events.changed('pairing', JSON.stringify([channel, senderId]), () => ({ change: 'request', channel, senderId }))
  })

  events.kind('config', ConfigEvent, { scope: 'admin' })
  hooks.on('config.reload', (attempt) => {
    const done = 'refused' in attempt ? { changed: [], restartRequired: [] } : attempt
    const { changed, restartRequired } = done
    events.publish('config', {
      actor: attempt.actor,
      success: !('refused' in attempt),
      changed: [...changed],
      restartRequired: [...restartRequired]
    })
  })

  events.kind('job', JobEvent, { scope: 'operate' })
  hooks.on('job.changed', (job) => events.publish('job', job))
}

function isCancelled(error: unknown): boolean {
  return error instanceof LaneError && error.code !== 'timeout' && error.code !== 'unsaved'
}
