import { Type } from '@sinclair/typebox'
import { SCOPES } from '../../../rpc/define.ts'
import { CAPABILITY } from '../../../rpc/schemas/capability.ts'
import { endpoint } from './endpoint.ts'
import { filled, name, named, oneOf, origin, path, restart, restarting, secret, secretKey, section } from './schema-helpers.ts'

const KiB = 1024
const MiB = 1024 * KiB

const Token = section('One credential and what it may do', {
  name: Type.String({
    description: 'Who this is, in logs and in the audit log',
    ...name
  }),
  token: Type.String({ description: 'The secret itself', ...secret, ...filled }),
  scopes: Type.Array(oneOf(SCOPES), { description: 'What it may do; `admin` includes all others', minItems: 1 })
})

const Tls = section('Serve TLS; both files in PEM', {
  cert: Type.String({ description: 'Certificate chain', ...path }),
  key: Type.String({ description: 'Private key of the certificate', ...path })
})

const Nodes = section('Companion devices', {
  enabled: Type.Boolean({ description: 'Let companion devices register', default: false, ...restart }),
  allowed_roles: Type.Array(Type.String(name), { description: 'The roles they may register with', default: ['companion'] }),
  feature_gates: named(CAPABILITY.pattern, Type.Boolean({ description: 'Whether nodes that declare it may use it' }), {
    description: 'Which capabilities of nodes are enabled; what is not listed is not',
    default: {},
    key: CAPABILITY.expected,
    expected: 'an object of capabilities'
  }),
  location: section('Where they are', {
    enabled: Type.Boolean({ description: 'Take and keep the locations of nodes', default: false })
  }),
  push: section('How they are woken', {
    enabled: Type.Boolean({ description: 'Take and keep the push tokens of nodes', default: false }),
    apns: section('Devices of Apple, by a key of the developer account', {
      team_id: Type.Optional(Type.String({ description: 'Team of the developer account', ...filled })),
      key_id: Type.Optional(Type.String({ description: 'Id of its key for APNs', ...filled })),
      private_key: Type.Optional(Type.String({ description: 'That key, PKCS #8 in PEM (.p8)', ...secret, ...filled })),
      topic: Type.Optional(Type.String({ description: 'Bundle id of the app, for nodes that name none', ...filled })),
      url: Type.String({ description: 'Where APNs is', default: 'https://api.push.apple.com', ...endpoint }),
      sandbox_url: Type.String({
        description: 'Where it is for apps under development',
        default: 'https://api.sandbox.push.apple.com',
        ...endpoint
      })
    }),
    fcm: section('Devices of Google, by a service account of the Firebase project', {
      project_id: Type.Optional(
        Type.String({ description: 'The Firebase project', pattern: '^[a-z0-9-]+$', expected: 'a project id' })
      ),
      client_email: Type.Optional(Type.String({ description: 'Address of the service account', ...filled })),
      private_key: Type.Optional(Type.String({ description: 'Its key, PKCS #8 in PEM', ...secret, ...filled })),
      api_url: Type.String({ description: 'Where FCM is', default: 'https://fcm.googleapis.com', ...endpoint }),
      token_url: Type.String({
        description: 'Token endpoint',
        default: 'https://oauth2.googleapis.com/token',
        ...endpoint
      })
    })
  })
})

export const Server = section('The listening side', {
  host: Type.String({
    description: 'Address to listen on; any other than loopback needs a token',
    default: '127.0.0.1',
    pattern: '^[^\\s/]+$',
    expected: 'an IP address or host name',
    ...restart
  }),
  port: Type.Integer({
    description: 'Port to listen on; 0 takes a free one',
    default: 18800,
    minimum: 0,
    maximum: 65535,
    ...restart
  }),
  token: Type.Optional(
    Type.String({ description: 'Bearer token with every scope; absent: no login, loopback only', ...secret, ...filled })
  ),
  tokens: Type.Array(Token, { description: 'More tokens, each with its own name and scopes', default: [] }),
  auth_http: Type.Boolean({ description: 'HTTP reads need a token too; WebSocket and writes always do', default: true }),
  tailscale_identity: Type.Boolean({ description: 'Accept the login that `tailscale serve` vouches for', default: false }),
  tailscale_allowed_logins: Type.Optional(
    Type.Array(Type.String(filled), { description: 'Only these Tailscale logins; absent: any of the tailnet' })
  ),
  allowed_origins: Type.Array(Type.String(origin), {
    description: 'Browser origins let in beside the own one of the gateway',
    default: []
  }),
  max_payload_bytes: Type.Integer({
    description: 'Largest frame or request body; more closes the socket with 1009',
    default: 16 * MiB,
    minimum: KiB,
    maximum: 256 * MiB,
    ...restart
  }),
  send_buffer_bytes: Type.Integer({
    description: 'Unsent bytes of one socket from which events are merged; at four times this it is closed with 1013',
    default: MiB,
    minimum: KiB,
    maximum: 256 * MiB
  }),
  shutdown_grace_seconds: Type.Number({
    description: 'How long running turns may go on when the gateway is asked to stop',
    default: 10,
    minimum: 0,
    maximum: 3600,
    ...restart
  }),
  secret_key: Type.Optional(
    Type.String({
      description: 'Encrypts push tokens in the database: 32 bytes in base64; absent: they are stored as they are',
      ...secret,
      ...secretKey,
      ...restart
    })
  ),
  tls: Type.Optional(restarting(Tls)),
  nodes: Nodes
})
