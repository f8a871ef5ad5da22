import { Type } from '@sinclair/typebox'
import { section } from './schema-helpers.ts'

export const AgentSection = section('The agent', {
  system_prompt: Type.String({
    description: 'What the model is told before every conversation',
    default:
      'You are Flynn, a helpful assistant. Answer in the language you are spoken to. Use your tools when they help, and say plainly when something did not work.'
  }),
  run_timeout_seconds: Type.Number({
    description: 'A turn that takes longer is aborted',
    default: 600,
    minimum: 0.1,
    maximum: 86_400
  }),
  max_steps: Type.Integer({ description: 'Model calls in one turn at most', default: 40, minimum: 1, maximum: 1000 }),
  auto_compact: Type.Boolean({
    description: 'Let a summary take the place of what was said before, once a conversation fills the window of its model',
    default: true
  }),
  context_threshold_pct: Type.Integer({
    description: 'From how many percent of the window on a checkpoint is saved',
    default: 80,
    minimum: 1,
    maximum: 100
  })
})
