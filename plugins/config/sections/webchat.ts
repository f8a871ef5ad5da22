import { Type } from '@sinclair/typebox'
import { section } from './schema-helpers.ts'

/** Host of a URL. Addresses and bare names, which could be internal, are refused. */
const pushHost = {
  pattern: '^(\\*\\.)?([a-z0-9-]+\\.)+[a-z][a-z0-9-]*$',
  expected: 'a host such as push.example.com, or *.example.com for all below it'
} as const

export const WebChat = section('The page of the gateway', {
  push: section('Notifications for those who have closed it', {
    enabled: Type.Boolean({ description: 'Notify browsers of answers to callers without connection', default: false }),
    subject: Type.Optional(
      Type.String({
        description: 'Contact for push services, required: mailto:you@example.com or an https URL',
        pattern: '^(mailto:[^\\s@]+@[^\\s@]+\\.[^\\s@]+|https://[^\\s/@]+\\.[^\\s@]+)$',
        expected: 'mailto: with an address, or an https URL that others can reach'
      })
    ),
    hosts: Type.Array(Type.String(pushHost), {
      description: 'Hosts of push services beside those of Chrome, Firefox, Safari and Edge',
      default: []
    }),
    max_subscriptions: Type.Integer({
      description: 'Registered browsers of all callers together',
      default: 50,
      minimum: 1,
      maximum: 10_000
    }),
    allow_insecure_hosts: Type.Array(Type.String({ pattern: '^[^\\s/@]+$', expected: 'a host name or address' }), {
      description: 'Hosts for tests: push services that may be private, on any port and without TLS',
      default: []
    })
  })
})
