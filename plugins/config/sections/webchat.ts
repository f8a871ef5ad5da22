import { Type } from '@sinclair/typebox'
import { section } from './schema-helpers.ts'

/** As a URL writes it. Neither an address nor a bare name, which would be one of the inside. */
const pushHost = {
  pattern: '^(\\*\\.)?([a-z0-9-]+\\.)+[a-z][a-z0-9-]*$',
  expected: 'a host such as push.example.com, or *.example.com for all below it'
} as const

export const WebChat = section('The page of the gateway', {
  push: section('Notifications for those who have closed it', {
    enabled: Type.Boolean({ description: 'Let browsers be told when a turn has ended and nobody looks', default: false }),
    subject: Type.Optional(
      Type.String({
        description: 'Whom push services turn to: mailto:you@example.com or an https URL; needed for notifications',
        pattern: '^(mailto:[^\\s@]+@[^\\s@]+\\.[^\\s@]+|https://[^\\s/@]+\\.[^\\s@]+)$',
        expected: 'mailto: with an address, or an https URL that others can reach'
      })
    ),
    hosts: Type.Array(Type.String(pushHost), {
      description: 'Push services that are used beside those of Chrome, Firefox, Safari and Edge',
      default: []
    }),
    max_subscriptions: Type.Integer({
      description: 'Browsers that may be registered, over all callers',
      default: 50,
      minimum: 1,
      maximum: 10_000
    }),
    allow_insecure_hosts: Type.Array(Type.String({ pattern: '^[^\\s/@]+$', expected: 'a host name or address' }), {
      description: 'For tests: push services that may be private, on any port and without TLS',
      default: []
    })
  })
})
