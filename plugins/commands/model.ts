import type { Command, CommandContext } from './define.ts'

/** Shows and sets the model tier of this session. */
export const model: Command = {
  name: 'model',
  summary: 'Show or set the model tier of this session',
  usage: '/model\n/model <tier>\n/model default',
  // Showing needs only `read`.
  scope: (args) => (args === '' ? 'read' : 'write'),
  async run(args, context) {
    const { app, sessionId } = context
    if (args === '') return await shown(context)
    const tiers = app.providers.tiers()
    // On telephones words begin with a capital letter.
    const tier = tiers.find((name) => name === args) ?? tiers.find((name) => name.toLowerCase() === args.toLowerCase())
    if (tier === undefined) return `There is no such tier. Known: ${tiers.join(', ')}. Nothing was changed.`
    if (tier === 'default') await app.db.sessions.unset(sessionId, 'modelTier')
    else await app.db.sessions.configure(sessionId, { modelTier: tier }, Date.now())
    return `Set: ${inWords(context, tier)}. It applies to messages from now on.`
  }
}

async function shown(context: CommandContext): Promise<string> {
  const { app, sessionId } = context
  const { tier } = await app.context.of(sessionId)
  const lines = app.providers.tiers().map((name) => `${inWords(context, name)}${name === tier.name ? ' (in use here)' : ''}`)
  const missing = tier.missing === undefined ? [] : [`${tier.missing}, which is set here, is no longer configured.`]
  return [...lines, ...missing].join('\n')
}

function inWords({ app }: CommandContext, tier: string): string {
  const { model, provider, contextWindow, offline } = app.providers.describe(tier)
  return offline ? `${tier}: the offline model` : `${tier}: ${model} (${provider}), ${contextWindow} tokens`
}
