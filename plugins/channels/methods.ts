import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'

export const list = defineMethod({
  name: 'channels.list',
  summary: 'List the channels with their pairing policy and their traffic, and the platforms that are not configured (extension)',
  extension: true,
  scope: 'operate',
  params: NoParams,
  result: Type.Object({
    channels: Type.Array(
      Type.Object({
        name: Type.String({ description: 'Frontend of its sessions' }),
        pairing: Type.Union([Type.Literal('open'), Type.Literal('required'), Type.Literal('allowlist')], {
          description: 'Policy for unknown senders'
        }),
        received: Type.Integer({ minimum: 0, description: 'Messages since the gateway started' }),
        failed: Type.Integer({ minimum: 0, description: 'Those that could not be stored; their platform sends them again' }),
        lastReceivedAt: Type.Union([Type.Integer(), Type.Null()], { description: 'Epoch milliseconds; null before the first' })
      })
    ),
    missing: Type.Array(
      Type.Object({
        route: Type.String({ description: 'Route of the platform; it answers 503' }),
        keys: Type.Array(Type.String(), { description: 'Keys of the configuration that are not set' })
      })
    )
  }),
  examples: [
    {
      params: {},
      result: {
        channels: [{ name: 'telegram', pairing: 'required', received: 12, failed: 0, lastReceivedAt: 1739448000000 }],
        missing: [{ route: '/gmail/push', keys: ['gmail.account'] }]
      }
    }
  ],
  handler: (_params, { app }) => ({
    channels: app.channels
      .list()
      .map(({ name }) => ({ name, pairing: app.pairing.policy(name), ...app.channels.activity.of(name) })),
    missing: [...app.channels.routes].flatMap(({ url, missing }) => {
      const keys = [...missing()]
      return keys.length > 0 ? [{ route: url, keys }] : []
    })
  })
})
