import { Type } from '@sinclair/typebox'
import { filled, name, named, oneOf, secret, section } from './schema-helpers.ts'

/** Signature schemes: Standard Webhooks, those of platforms, and the HMAC of the body in a header of choice. */
const SIGNATURES = ['standard', 'github', 'gitlab', 'stripe', 'slack', 'shopify', 'pagerduty', 'hex', 'hmac'] as const

const headerName = { pattern: '^[A-Za-z0-9-]{1,64}$', expected: 'the name of a header' } as const

const Webhook = section('One webhook, at POST /webhooks/<name>', {
  secret: Type.Optional(
    Type.String({
      description: 'Secret of the sender: the signing key, or the token of GitLab. Absent: the webhook is off',
      ...secret,
      ...filled
    })
  ),
  secrets: Type.Array(Type.String({ ...secret, ...filled }), {
    description: 'Further secrets, so that one can be replaced without a gap',
    default: []
  }),
  signature: oneOf(SIGNATURES, {
    description:
      'Signature scheme. `hmac`, and `hex` as its older name: HMAC-SHA256 of the body, in `header`, `encoding` and after `prefix`',
    default: 'standard'
  }),
  header: Type.String({ description: 'With `hmac`: header with the signature', default: 'x-signature', ...headerName }),
  encoding: oneOf(['hex', 'base64'] as const, { description: 'With `hmac`: encoding of the signature', default: 'hex' }),
  prefix: Type.Optional(
    Type.String({ description: 'With `hmac`: text before the signature, such as v1=. Absent: none, or sha256=', maxLength: 32 })
  ),
  id_header: Type.Optional(
    Type.String({
      description: 'With `hmac`: header with the id of a delivery. Absent: only an equal body is a repeated one',
      ...headerName
    })
  ),
  allow_unsigned: Type.Boolean({
    description:
      'Take requests without secret, of local programs only: no request of a web page, through a proxy or to another host name. Needs a gateway on loopback',
    default: false
  }),
  session: Type.Optional(
    Type.String({ description: 'Session id, with fields as in the template. Absent: webhook:<name>', ...filled })
  ),
  template: Type.Optional(
    Type.String({
      description: 'Message for the agent, with fields: {{body.ref}}, {{headers.x-github-event}}. Absent: the whole body',
      ...filled
    })
  ),
  deliver_to: Type.Optional(
    Type.String({
      shows: 'host',
      description:
        'Destination of answers: a URL (in this network by IP address only), or a conversation such as telegram:123456. Absent: dropped',
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
