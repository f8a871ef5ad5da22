import { Type } from '@sinclair/typebox'
import { section } from './schema-helpers.ts'

export const AgentSection = section('The agent', {
  system_prompt: Type.String({
    description: 'System prompt. Sent before every conversation',
    default:
      'You are Flynn, a helpful assistant. Answer in the language you are spoken to. Use your tools when they help, and say plainly when something did not work.'
  }),
  run_timeout_seconds: Type.Number({
    description: 'Longest run of one turn, in seconds; a longer one is aborted',
    default: 600,
    minimum: 0.1,
    maximum: 86_400
  }),
  max_steps: Type.Integer({ description: 'Largest number of model calls in one turn', default: 40, minimum: 1, maximum: 1000 }),
  auto_compact: Type.Boolean({
    description: 'Replace the history by a summary when a conversation fills the context window of its model',
    default: true
  }),
  context_threshold_pct: Type.Integer({
    description: 'Percentage of the context window from which a checkpoint is saved',
    default: 80,
    minimum: 1,
    maximum: 100
  })
})
