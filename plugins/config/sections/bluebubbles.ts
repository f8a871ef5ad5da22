import { Type } from '@sinclair/typebox'
import { baseUrl, filled, secret, section } from './schema-helpers.ts'

export const BlueBubbles = section('iMessage through a BlueBubbles server, at POST /bluebubbles/events', {
  token: Type.Optional(
    Type.String({
      description: 'Token of its webhook: ?token=… in the URL, or the header x-bluebubbles-token',
      ...secret,
      ...filled
    })
  ),
  server_url: Type.Optional(Type.String({ description: 'URL of the BlueBubbles server', ...baseUrl })),
  password: Type.Optional(Type.String({ description: 'Password of the BlueBubbles server', ...secret, ...filled })),
  debounce_ms: Type.Integer({
    description: 'Time in which messages of one sender are joined: a link and its preview come as two messages',
    default: 350,
    minimum: 0,
    maximum: 10_000
  })
})
