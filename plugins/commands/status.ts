import type { Command } from './define.ts'
import { laneInWords, messages } from './format.ts'

/** Shows the state of this session. */
export const status: Command = {
  name: 'status',
  summary: 'Show the state of this session',
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
