import { Type } from '@sinclair/typebox'
import { section } from './schema-helpers.ts'

export const ObservabilitySection = section('What is kept of how things were', {
  sample_seconds: Type.Number({
    description: 'How often the gateway looks how it is itself, the backends and the containers',
    default: 15,
    minimum: 5,
    maximum: 300
  }),
  retention_hours: Type.Number({
    description: 'How long what it saw is kept, in memory',
    default: 24,
    minimum: 1,
    maximum: 24
  })
})
