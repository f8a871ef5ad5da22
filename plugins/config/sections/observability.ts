import { Type } from '@sinclair/typebox'
import { section } from './schema-helpers.ts'

export const ObservabilitySection = section('Observability series', {
  sample_seconds: Type.Number({
    description: 'Interval between two samples of the gateway, its backends and containers, in seconds',
    default: 15,
    minimum: 5,
    maximum: 300
  }),
  retention_hours: Type.Number({
    description: 'Time that samples stay in memory, in hours',
    default: 24,
    minimum: 1,
    maximum: 24
  })
})
