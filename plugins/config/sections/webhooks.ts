import { Type } from '@sinclair/typebox'
import { filled, name, named, oneOf, secret, section } from './schema-helpers.ts'

/** How senders sign: as Standard Webhooks says, as one of these platforms does, or plainly: the HMAC of the body in hex. */
export const SIGNATURES = ['standard', 'github', 'stripe', 'slack', 'hex'] as const

const Webhook = section('One webhook, at POST /webhooks/<name>', {
  secret: Type.Optional(
    Type.String({ description: 'What the sender signs with; without one the webhook is off', ...secret, ...filled })
  ),
  secrets: Type.Array(Type.String({ ...secret, ...filled }), {
    description: 'More of them, so that one can be replaced without a gap',
    default: []
  }),
  signature: oneOf(SIGNATURES, { description: 'How the sender signs', default: 'standard' }),
  header: Type.String({
    description: 'With `hex`: where the signature stands',
    default: 'x-signature',
    pattern: '^[A-Za-z0-9-]{1,64}$',
    expected: 'the name of a header'
  }),
  id_header: Type.Optional(
    Type.String({
      description: 'With `hex`: the header with the id of a delivery; absent: its body tells one from another',
      pattern: '^[A-Za-z0-9-]{1,64}$',
      expected: 'the name of a header'
    })
  ),
  allow_unsigned: Type.Boolean({
    description: 'Take what anybody sends when there is no secret; only where the gateway listens on a loopback address',
    default: false
  }),
  session: Type.Optional(
    Type.String({ description: 'Its session, may hold fields as the template does; absent: webhook:<name>', ...filled })
  ),
  template: Type.Optional(
    Type.String({
      description: 'What the agent is told: {{body.ref}}, {{headers.x-github-event}}; absent: the whole body',
      ...filled
    })
  ),
  deliver_to: Type.Optional(
    Type.String({
      description:
        'Where the answer goes: a URL, of this network only as an IP address, or a conversation such as telegram:123456; absent: nowhere',
      pattern: '^(https?://[^\\s@]+|[a-z][a-z0-9_-]*:\\S{1,200})$',
      expected: 'a URL, or a conversation such as telegram:123456'
    })
  )
})

export const Webhooks = named(name.pattern, Webhook, {
  description: 'Webhooks by name',
  default: {},
  key: name.expected,
  expected: 'an object of webhooks'
})
