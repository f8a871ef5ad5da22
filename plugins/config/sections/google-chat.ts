import { Type } from '@sinclair/typebox'
import { endpoint } from './endpoint.ts'
import { filled, groups, oneOf, secret, section } from './schema-helpers.ts'

/** What the app's token is for, as its settings at Google say. */
export const AUDIENCE_TYPES = ['app-url', 'project-number'] as const

export const GoogleChat = section('Google Chat, at POST /google-chat/events', {
  audience_type: oneOf(AUDIENCE_TYPES, {
    description: "The app's authentication audience: its URL, or the number of its project",
    default: 'app-url'
  }),
  audience: Type.Optional(Type.String({ description: 'That URL, or that number', ...filled })),
  add_on_principal: Type.Optional(
    Type.String({ description: 'For a Workspace add-on: the number of its service account, `sub` of its tokens', ...filled })
  ),
  verification_token: Type.Optional(
    Type.String({ description: 'The token of older apps; counts only where there is no audience', ...secret, ...filled })
  ),
  client_email: Type.Optional(Type.String({ description: 'Service account that answers', ...filled })),
  private_key: Type.Optional(Type.String({ description: 'Its key, in PEM', ...secret, ...filled })),
  oidc_keys_url: Type.String({
    description: "Google's keys",
    default: 'https://www.googleapis.com/oauth2/v3/certs',
    ...endpoint
  }),
  chat_keys_url: Type.String({
    description: 'Keys of the service account of Google Chat',
    default: 'https://www.googleapis.com/service_accounts/v1/jwk/chat@system.gserviceaccount.com',
    ...endpoint
  }),
  token_url: Type.String({
    description: 'Where tokens for answers come from',
    default: 'https://oauth2.googleapis.com/token',
    ...endpoint
  }),
  api_url: Type.String({ description: 'Where answers go', default: 'https://chat.googleapis.com', ...endpoint }),
  groups
})
