import { Type } from '@sinclair/typebox'
import { SCOPES } from '../../../rpc/define.ts'
import { CAPABILITY } from '../../../rpc/schemas/capability.ts'
import { endpoint } from './endpoint.ts'
import {
  filled,
  name,
  named,
  oneOf,
  origin,
  path,
  proxy,
  restart,
  restarting,
  secret,
  secretKey,
  section
} from './schema-helpers.ts'

const KiB = 1024
const MiB = 1024 * KiB

const Token = section('One credential and its scopes', {
  name: Type.String({
    description: 'Name of the credential in logs and in the audit log',
    ...name
  }),
  token: Type.String({ description: 'The secret', ...secret, ...filled }),
  scopes: Type.Array(oneOf(SCOPES), { description: 'Scopes of the credential; `admin` includes all others', minItems: 1 })
})

const Tls = section('TLS certificate and key, both in PEM', {
  cert: Type.String({ description: 'Certificate chain', ...path }),
  key: Type.String({ description: 'Private key of the certificate', ...path })
})

const Nodes = section('Companion devices', {
  enabled: Type.Boolean({ description: 'Allow companion devices to register', default: false, ...restart }),
  allowed_roles: Type.Array(Type.String(name), { description: 'Roles that devices may register with', default: ['companion'] }),
  feature_gates: named(CAPABILITY.pattern, Type.Boolean({ description: 'Enable the capability for nodes that declare it' }), {
    description: 'Capabilities of nodes that are enabled; all others are disabled',
    default: {},
    key: CAPABILITY.expected,
    expected: 'an object of capabilities'
  }),
  location: section('Locations of companion devices', {
    enabled: Type.Boolean({ description: 'Accept and store the locations of nodes', default: false })
  }),
  push: section('Push messages to companion devices', {
    enabled: Type.Boolean({ description: 'Accept and store the push tokens of nodes', default: false }),
    apns: section('Apple devices, by a key of the developer account', {
      team_id: Type.Optional(Type.String({ description: 'Team id of the developer account', ...filled })),
      key_id: Type.Optional(Type.String({ description: 'Id of the APNs key', ...filled })),
      private_key: Type.Optional(Type.String({ description: 'APNs key, PKCS #8 in PEM (.p8)', ...secret, ...filled })),
      topic: Type.Optional(Type.String({ description: 'Bundle id of the app, for nodes that name none', ...filled })),
      url: Type.String({ description: 'URL of APNs', default: 'https://api.push.apple.com', ...endpoint }),
      sandbox_url: Type.String({
        description: 'URL of APNs for apps under development',
        default: 'https://api.sandbox.push.apple.com',
        ...endpoint
      })
    }),
    fcm: section('Android devices, by a service account of the Firebase project', {
      project_id: Type.Optional(
        Type.String({ description: 'Firebase project id', pattern: '^[a-z0-9-]+$', expected: 'a project id' })
      ),
      client_email: Type.Optional(Type.String({ description: 'Email address of the service account', ...filled })),
      private_key: Type.Optional(
        Type.String({ description: 'Key of the service account, PKCS #8 in PEM', ...secret, ...filled })
      ),
      api_url: Type.String({ description: 'URL of FCM', default: 'https://fcm.googleapis.com', ...endpoint }),
      token_url: Type.String({
        description: 'Token endpoint',
        default: 'https://oauth2.googleapis.com/token',
        ...endpoint
      })
    })
  })
})

export const Server = section('HTTP and WebSocket server', {
  host: Type.String({
    description: 'Address to listen on; any address but loopback needs a token',
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
    Type.String({
      description: 'Bearer token with every scope; without one there is no login, and the gateway listens on loopback only',
      ...secret,
      ...filled
    })
  ),
  tokens: Type.Array(Token, { description: 'Further tokens, each with its own name and scopes', default: [] }),
  auth_http: Type.Boolean({
    description: 'Require a token for HTTP reads; WebSocket and writes always require one',
    default: true
  }),
  tailscale_identity: Type.Boolean({ description: 'Accept the identity that `tailscale serve` sends', default: false }),
  tailscale_allowed_logins: Type.Optional(
    Type.Array(Type.String(filled), { description: 'Tailscale logins that are accepted; by default every login of the tailnet' })
  ),
  trusted_proxies: Type.Array(Type.String(proxy), {
    description:
      'Proxies whose X-Forwarded-* and Forwarded headers count: addresses, networks, `loopback`, or a number of hops. An embedded gateway uses the trustProxy of its host',
    default: [],
    single: true
  }),
  allowed_origins: Type.Array(Type.String(origin), {
    description: 'Browser origins that may use the gateway beside its own',
    default: []
  }),
  max_payload_bytes: Type.Integer({
    description: 'Largest frame or request body, in bytes; a larger frame closes the socket with 1009',
    default: 16 * MiB,
    minimum: KiB,
    maximum: 256 * MiB,
    ...restart
  }),
  send_buffer_bytes: Type.Integer({
    description: 'Unsent bytes of a socket from which events are merged; at four times as many it is closed with 1013',
    default: MiB,
    minimum: KiB,
    maximum: 256 * MiB
  }),
  shutdown_grace_seconds: Type.Number({
    description: 'Time for running turns to end at shutdown, in seconds',
    default: 10,
    minimum: 0,
    maximum: 3600,
    ...restart
  }),
  secret_key: Type.Optional(
    Type.String({
      description: 'Key that encrypts push tokens in the database: 32 bytes in base64; without it they are stored in plain text',
      ...secret,
      ...secretKey,
      ...restart
    })
  ),
  tls: Type.Optional(restarting(Tls)),
  nodes: Nodes
})
