import { Type } from '@sinclair/typebox'
import { invalidParams } from '../../rpc/errors.ts'
import { Mode, Overflow, Policy, PolicyOrigin } from '../../rpc/schemas/queue.ts'
import { SessionId } from '../../rpc/schemas/session.ts'
import { defineMethod } from '../define.ts'

const { cap, debounceMs, summarizeOverflow } = Policy.properties

export const configure = defineMethod({
  name: 'sessions.configure',
  summary: 'Set or reset the queue policy and the model tier of a session, and show the values in force (extension)',
  extension: true,
  scope: 'write',
  errors: ['SessionNotFound'],
  params: Type.Object(
    {
      sessionId: SessionId,
      queue: Type.Optional(
        Type.Union(
          [
            Type.Partial(Type.Object({ mode: Mode, overflow: Overflow, cap, debounceMs, summarizeOverflow }), {
              additionalProperties: false
            }),
            Type.Null()
          ],
          { description: 'Fields of the policy to set for this session; null removes all that were set' }
        )
      ),
      modelTier: Type.Optional(
        Type.Union([Type.String({ minLength: 1, maxLength: 256 }), Type.Null()], {
          description: 'Tier of models that answers here; null for the default'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    sessionId: SessionId,
    queue: Type.Object({ policy: Policy, origin: PolicyOrigin }, { description: 'Policy of the next message' }),
    modelTier: Type.Object({
      value: Type.String(),
      origin: Type.Union([Type.Literal('session'), Type.Literal('default')])
    })
  }),
  examples: [
    {
      params: { sessionId: 'telegram:123456', queue: { mode: 'collect' }, modelTier: null },
      result: {
        sessionId: 'telegram:123456',
        queue: {
          policy: { mode: 'collect', overflow: 'drop_old', cap: 20, debounceMs: 250, summarizeOverflow: true },
          origin: { mode: 'session', overflow: 'default', cap: 'default', debounceMs: 'default', summarizeOverflow: 'default' }
        },
        modelTier: { value: 'default', origin: 'default' }
      }
    }
  ],
  async handler({ sessionId, queue, modelTier }, { app }) {
    const { policies, queues } = app.lanes
    await queues.assertKnown(sessionId)
    if (typeof modelTier === 'string' && !app.providers.tiers().includes(modelTier)) {
      const known = app.providers.tiers().join(', ')
      throw invalidParams([{ path: 'params.modelTier', message: `must be one of ${known}` }])
    }
    if (queue === null) await policies.reset(sessionId)
    else if (queue !== undefined) await policies.override(sessionId, queue)
    if (modelTier === null || modelTier === 'default') await app.db.sessions.unset(sessionId, 'modelTier')
    else if (modelTier !== undefined) await app.db.sessions.configure(sessionId, { modelTier }, Date.now())
    if (queue !== undefined || modelTier !== undefined) app.hooks.emit('lane.changed', { sessionId })
    const row = await app.db.sessions.get(sessionId)
    const { name } = app.context.tierOf(row?.config ?? {})
    return {
      sessionId,
      queue: await policies.describe(sessionId),
      modelTier: { value: name, origin: row?.config.modelTier === undefined ? ('default' as const) : ('session' as const) }
    }
  }
})
