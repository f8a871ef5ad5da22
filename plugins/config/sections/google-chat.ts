import { Type } from '@sinclair/typebox'
import { endpoint } from './endpoint.ts'
import { filled, groups, oneOf, secret, section } from './schema-helpers.ts'

/** Audience of the app's tokens, as in its settings at Google. */
const AUDIENCE_TYPES = ['app-url', 'project-number'] as const

export const GoogleChat = section('Google Chat, at POST /google-chat/events', {
  audience_type: oneOf(AUDIENCE_TYPES, {
    description: "The app's authentication audience: its URL, or the number of its project",
    default: 'app-url'
  }),
  audience: Type.Optional(Type.String({ description: 'URL or project number of the app', ...filled })),
  add_on_principal: Type.Optional(
    Type.String({ description: 'For a Workspace add-on: the number of its service account, `sub` of its tokens', ...filled })
  ),
  verification_token: Type.Optional(
    Type.String({ description: 'Verification token of older apps. Used only without audience', ...secret, ...filled })
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
    description: 'Token endpoint for answers',
    default: 'https://oauth2.googleapis.com/token',
    ...endpoint
  }),
  api_url: Type.String({ description: 'URL of the Chat API', default: 'https://chat.googleapis.com', ...endpoint }),
  groups
})
