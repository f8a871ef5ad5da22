import type { Command } from './define.ts'
import { laneInWords, messages } from './format.ts'

/** What is going on in this session. */
export const status: Command = {
  name: 'status',
  summary: 'Show what is going on in this session',
  scope: 'read',
  async run(_args, { app, sessionId }) {
    const { tier, model, budget } = await app.context.of(sessionId)
    const session = await app.db.sessions.get(sessionId)
    const { mode } = await app.lanes.policies.resolve(sessionId)
    return [
      `Session: ${sessionId}, ${messages(session?.messageCount ?? 0)}`,
      laneInWords(app.lanes.snapshot(sessionId)),
      `Queue mode: ${mode}`,
      model.offline ? 'Model: none is configured, the offline one answers' : `Model: ${model.model} (${model.provider})`,
      `Tier: ${tier.name}`,
      `Context: about ${budget.estimatedTokens} of ${budget.contextWindow} tokens, ${budget.usagePct}%`
    ].join('\n')
  }
}
