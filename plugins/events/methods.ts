import { Type } from '@sinclair/typebox'
import { peerOf } from '../../rpc/peer.ts'
import { defineMethod } from '../define.ts'

const Kinds = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
  minItems: 1,
  maxItems: 64,
  description: 'Kinds of events: session, lane, run, confirm, node, presence, pairing, job, config, audit, and those of plugins'
})

const Result = Type.Object({
  kinds: Type.Array(Type.String(), { description: 'Kinds that this connection is subscribed to from now on' })
})

export const subscribe = defineMethod({
  name: 'events.subscribe',
  summary: 'Receive events of the whole gateway, with the id null, as far as the scopes of this connection allow (extension)',
  extension: true,
  scope: 'any',
  params: Type.Object({ kinds: Kinds }, { additionalProperties: false }),
  result: Result,
  examples: [{ params: { kinds: ['session', 'lane', 'audit'] }, result: { kinds: ['session', 'lane'] } }],
  handler({ kinds }, ctx) {
    return { kinds: ctx.app.events.subscribe(peerOf(ctx, 'events.subscribe'), ctx.caller, kinds) }
  }
})

export const unsubscribe = defineMethod({
  name: 'events.unsubscribe',
  summary: 'Stop receiving events of the whole gateway (extension)',
  extension: true,
  scope: 'any',
  params: Type.Object({ kinds: Type.Optional(Kinds) }, { additionalProperties: false }),
  result: Result,
  examples: [{ params: { kinds: ['lane'] }, result: { kinds: ['session'] } }],
  handler({ kinds }, ctx) {
    const peer = peerOf(ctx, 'events.unsubscribe')
    ctx.app.events.unsubscribe(peer, kinds)
    ctx.app.hooks.emit('connection.audience', { peer, caller: ctx.caller, closed: false })
    return { kinds: ctx.app.events.of(peer) }
  }
})
