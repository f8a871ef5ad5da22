import { Type } from '@sinclair/typebox'
import { endpoint } from './endpoint.ts'
import { filled, groups, restart, secret, section } from './schema-helpers.ts'

export const Telegram = section('Telegram', {
  token: Type.Optional(Type.String({ description: 'Token of the bot; absent: off', ...secret, ...filled, ...restart })),
  webhook_secret: Type.Optional(
    Type.String({
      description:
        'The secret_token its webhook was set with, at POST /telegram/events; absent: the gateway asks for messages itself',
      ...secret,
      ...restart,
      pattern: '^[A-Za-z0-9_-]{1,256}$',
      expected: '1 to 256 letters, digits, _ and -'
    })
  ),
  api_root: Type.String({ description: 'Where the Bot API is', default: 'https://api.telegram.org', ...endpoint, ...restart }),
  groups
})
