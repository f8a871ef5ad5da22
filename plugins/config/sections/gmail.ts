import { Type } from '@sinclair/typebox'
import { endpoint } from './endpoint.ts'
import { filled, secret, section } from './schema-helpers.ts'

export const Gmail = section('Gmail, with pushes for new mail at POST /gmail/push', {
  account: Type.Optional(Type.String({ description: 'Address of the mailbox', ...filled })),
  topic: Type.Optional(Type.String({ description: 'Pub/Sub topic of its pushes: projects/P/topics/T', ...filled })),
  subscription: Type.Optional(Type.String({ description: 'Accepted subscription: projects/P/subscriptions/S', ...filled })),
  audience: Type.Optional(Type.String({ description: 'Audience of the push tokens, as set on the subscription', ...filled })),
  service_account: Type.Optional(Type.String({ description: 'Address of the service account that signs them', ...filled })),
  push_token: Type.Optional(
    Type.String({ description: 'For a subscription without signed tokens: ?token=… in its push URL', ...secret, ...filled })
  ),
  client_id: Type.Optional(Type.String({ description: 'OAuth client with access to the mailbox', ...filled })),
  client_secret: Type.Optional(Type.String({ description: 'Its secret', ...secret, ...filled })),
  refresh_token: Type.Optional(Type.String({ description: "The mailbox owner's consent", ...secret, ...filled })),
  keys_url: Type.String({ description: "Google's keys", default: 'https://www.googleapis.com/oauth2/v3/certs', ...endpoint }),
  token_url: Type.String({ description: 'Token endpoint', default: 'https://oauth2.googleapis.com/token', ...endpoint }),
  api_url: Type.String({ description: 'URL of the Gmail API', default: 'https://gmail.googleapis.com', ...endpoint })
})
