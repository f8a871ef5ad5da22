import { Type } from '@sinclair/typebox'
import { endpoint } from './endpoint.ts'
import { filled, secret, section } from './schema-helpers.ts'

export const Gmail = section('Gmail, told of new mail at POST /gmail/push', {
  account: Type.Optional(Type.String({ description: 'Address of the mailbox', ...filled })),
  topic: Type.Optional(Type.String({ description: 'Pub/Sub topic of its notices: projects/P/topics/T', ...filled })),
  subscription: Type.Optional(
    Type.String({ description: 'The only subscription that is heard: projects/P/subscriptions/S', ...filled })
  ),
  audience: Type.Optional(Type.String({ description: 'Audience of the push tokens, as set on the subscription', ...filled })),
  service_account: Type.Optional(Type.String({ description: 'Address of the service account that signs them', ...filled })),
  push_token: Type.Optional(
    Type.String({ description: 'Where the subscription signs nothing: ?token=… in its push URL', ...secret, ...filled })
  ),
  client_id: Type.Optional(Type.String({ description: 'OAuth client that reads and answers', ...filled })),
  client_secret: Type.Optional(Type.String({ description: 'Its secret', ...secret, ...filled })),
  refresh_token: Type.Optional(Type.String({ description: "The mailbox owner's consent", ...secret, ...filled })),
  keys_url: Type.String({ description: "Google's keys", default: 'https://www.googleapis.com/oauth2/v3/certs', ...endpoint }),
  token_url: Type.String({ description: 'Where tokens come from', default: 'https://oauth2.googleapis.com/token', ...endpoint }),
  api_url: Type.String({ description: 'Where the mailbox is', default: 'https://gmail.googleapis.com', ...endpoint })
})
