import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import { Reloaded, SettingEntry, Shown } from './method-schemas.ts'

export const get = defineMethod({
  name: 'config.get',
  summary: 'Show the configuration in force without its secrets',
  scope: 'admin',
  params: NoParams,
  result: Shown,
  examples: [{ params: {}, result: { models: { default: { anthropic: { apiKey: '***' } } } } }],
  handler: (_params, { app }) => app.configStore.shown()
})

export const reload = defineMethod({
  name: 'config.reload',
  summary: 'Read the configuration again and put it in force',
  scope: 'admin',
  params: Type.Object(
    {
      dryRun: Type.Optional(
        Type.Boolean({ default: false, description: 'Only show what would change, with a hash for `baseHash` (extension)' })
      ),
      baseHash: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 64,
          description: 'Refuse if the configuration changed since that dry run (extension)'
        })
      )
    },
    { additionalProperties: false }
  ),
  result: Reloaded,
  examples: [{ params: {}, result: { success: true } }],
  async handler({ dryRun = false, baseHash }, { app, caller }) {
    if (dryRun) {
      const { changes, hash } = await app.configStore.preview()
      return { success: true, changes: [...changes], hash }
    }
    const { changed, restartRequired } = await app.configStore.reload(caller.id, baseHash)
    return { success: true, changed: [...changed], restartRequired: [...restartRequired] }
  }
})

export const describe = defineMethod({
  name: 'config.describe',
  summary: 'List every setting with its value, its default, the place it comes from, and what a change needs (extension)',
  extension: true,
  scope: 'admin',
  params: NoParams,
  result: Type.Object({ settings: Type.Array(SettingEntry) }),
  examples: [
    {
      params: {},
      result: {
        settings: [
          {
            path: 'server.port',
            description: 'Port of the gateway',
            value: 18911,
            default: 18800,
            origin: 'file',
            place: 'flynn.yaml:4:9',
            secret: false,
            needsRestart: true
          }
        ]
      }
    }
  ],
  handler: (_params, { app }) => ({ settings: app.configStore.describe() })
})
