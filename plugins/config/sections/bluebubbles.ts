import { Type } from '@sinclair/typebox'
import { baseUrl, filled, secret, section } from './schema-helpers.ts'

export const BlueBubbles = section('iMessage through a BlueBubbles server, at POST /bluebubbles/events', {
  token: Type.Optional(
    Type.String({
      description: 'What its webhook says: ?token=… in the URL, or the header x-bluebubbles-token',
      ...secret,
      ...filled
    })
  ),
  server_url: Type.Optional(Type.String({ description: 'Where the BlueBubbles server is', ...baseUrl })),
  password: Type.Optional(Type.String({ description: 'Password of the BlueBubbles server', ...secret, ...filled })),
  debounce_ms: Type.Integer({
    description: 'How long it is waited for more from the same sender: a link and its preview come as two messages',
    default: 350,
    minimum: 0,
    maximum: 10_000
  })
})
