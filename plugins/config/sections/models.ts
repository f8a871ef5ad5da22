import { Type } from '@sinclair/typebox'
import { baseUrl, filled, header, headerValue, name, named, secret, section } from './schema-helpers.ts'

/** Kinds of model provider that the gateway has; plugins add others. */
export const PROVIDERS: readonly string[] = ['anthropic', 'openai', 'openai_compatible', 'ollama', 'llamacpp', 'offline']

const parameter = { pattern: '^[A-Za-z_][A-Za-z0-9_.-]*$', expected: 'the name of a member of the request' } as const

const Provider = section('Model provider', {
  api_key: Type.Optional(Type.String({ description: 'API key', ...secret, ...filled })),
  base_url: Type.Optional(Type.String({ description: 'Address of the API. Required for openai_compatible', ...baseUrl })),
  model: Type.Optional(Type.String({ description: "Provider's name of the model. Required for all but offline", ...filled })),
  context_window: Type.Optional(
    Type.Integer({
      description: 'Context window of the model in tokens. Default: that of the provider',
      minimum: 256,
      maximum: 100_000_000
    })
  ),
  max_output_tokens: Type.Optional(
    Type.Integer({
      description: 'Most tokens of one answer. Default: 8192, at most a quarter of the context window',
      minimum: 1,
      maximum: 10_000_000
    })
  ),
  tools: Type.Optional(Type.Boolean({ description: 'Offers tools to the model. Default: true' })),
  vision: Type.Optional(
    Type.Boolean({ description: 'Sends images and documents to the model, otherwise a note in their place. Default: true' })
  ),
  headers: Type.Optional(
    named(header.pattern, Type.String({ description: 'One header', ...secret, ...headerValue }), {
      description: 'Headers of every request, beside those of the API',
      key: header.expected,
      expected: 'an object of headers'
    })
  ),
  parameters: Type.Optional(
    named(parameter.pattern, Type.Unknown({ description: 'One member, as JSON' }), {
      description: "Further members of every request, in the provider's own names: { temperature: 0.2 }",
      key: parameter.expected,
      expected: 'an object of members'
    })
  )
})

const Tier = named(name.pattern, Provider, {
  description: 'Providers of one tier, in the order in which they are tried',
  names: PROVIDERS,
  key: name.expected,
  minProperties: 1,
  expected: 'an object with at least one provider'
})

export const Models = named(name.pattern, Tier, {
  description: 'Models by tier. `default` answers unless a session has another one. Without any, the offline model answers',
  default: {},
  key: name.expected,
  expected: 'an object of tiers'
})
