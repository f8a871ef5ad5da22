import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'

export const list = defineMethod({
  name: 'models.list',
  summary: 'List the tiers of models, each in the order in which its models are tried (extension)',
  extension: true,
  scope: 'read',
  params: NoParams,
  result: Type.Object({
    tiers: Type.Array(
      Type.Object({
        tier: Type.String({ description: 'Name for `/model` and sessions.configure' }),
        models: Type.Array(
          Type.Object({
            provider: Type.String(),
            model: Type.String(),
            contextWindow: Type.Integer({ description: 'Tokens; lower than configured where the provider has refused more' }),
            offline: Type.Boolean({ description: 'The built-in model, which needs no network' })
          })
        )
      })
    )
  }),
  examples: [
    {
      params: {},
      result: {
        tiers: [
          {
            tier: 'default',
            models: [{ provider: 'ollama', model: 'llama3.2', contextWindow: 8192, offline: false }]
          }
        ]
      }
    }
  ],
  handler: (_params, { app }) => ({
    tiers: app.providers.tiers().map((tier) => ({ tier, models: app.providers.describeAll(tier) }))
  })
})
