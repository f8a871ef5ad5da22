import { Type } from '@sinclair/typebox'
import { baseUrl, filled, name, named, secret, section } from './schema-helpers.ts'

/** The kinds of model provider that the gateway brings; plugins may add more. */
export const PROVIDERS: readonly string[] = ['anthropic', 'openai', 'openai_compatible', 'ollama', 'llamacpp', 'offline']

const Provider = section('One provider of models', {
  api_key: Type.Optional(Type.String({ description: 'Key of the provider', ...secret, ...filled })),
  base_url: Type.Optional(Type.String({ description: 'Where its API is; required for openai_compatible', ...baseUrl })),
  model: Type.Optional(Type.String({ description: 'Its name for the model; required for all but offline', ...filled })),
  context_window: Type.Optional(
    Type.Integer({
      description: 'Tokens that the model can look at; absent: what is known of it',
      minimum: 256,
      maximum: 100_000_000
    })
  ),
  max_output_tokens: Type.Optional(
    Type.Integer({
      description: 'Tokens of one answer at most; absent: what is known of the model',
      minimum: 1,
      maximum: 10_000_000
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
  description: 'Models by tier; `default` answers unless another tier is asked for. Absent: the offline model',
  default: {},
  key: name.expected,
  expected: 'an object of tiers'
})
