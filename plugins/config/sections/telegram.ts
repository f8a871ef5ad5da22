import { Type } from '@sinclair/typebox'
import { endpoint } from './endpoint.ts'
import { filled, groups, restart, secret, section } from './schema-helpers.ts'

export const Telegram = section('Telegram', {
  token: Type.Optional(Type.String({ description: 'Token of the bot. Absent: off', ...secret, ...filled, ...restart })),
  webhook_secret: Type.Optional(
    Type.String({
      description: 'secret_token of its webhook, at POST /telegram/events. Absent: the gateway polls for messages',
      ...secret,
      ...restart,
      pattern: '^[A-Za-z0-9_-]{1,256}$',
      expected: '1 to 256 letters, digits, _ and -'
    })
  ),
  api_root: Type.String({ description: 'URL of the Bot API', default: 'https://api.telegram.org', ...endpoint, ...restart }),
  groups
})
