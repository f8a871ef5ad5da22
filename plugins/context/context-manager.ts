import { sessionNotFound } from '../../rpc/errors.ts'
import type { GatewayInstance } from '../define.ts'
import type { ModelCalls, ModelDescription, Models } from '../providers/index.ts'
import { type Budget, budgetOf } from './budget.ts'
import { chatLength, chatOf } from './chat.ts'
import { Conversation } from './conversation.ts'

/** The tier that answers where no other one is set. */
const DEFAULT_TIER = 'default'

/** Tier of models that answers in a session. */
export interface Tier {
  readonly name: string
  /** Tier that is set for the session and no longer configured. */
  readonly missing?: string
}

/** A turn that works on a conversation. */
export interface ConversationTurn {
  /** Id of its run; absent for a turn that is no run of the agent. */
  readonly id?: string
  readonly laneId: string
  readonly signal: AbortSignal
  readonly live: boolean
}

type Parts = Pick<GatewayInstance, 'config' | 'db' | 'providers' | 'tools' | 'log'>

/** Conversations as models see them, and their share of the context window. */
export class ContextManager {
  readonly #app: Parts

  constructor(app: Parts) {
    this.#app = app
  }

  /** The tier that answers, by the settings of a session. */
  tierOf({ modelTier = DEFAULT_TIER }: { readonly modelTier?: string }, models: Models = this.#app.providers): Tier {
    return models.tiers().includes(modelTier) ? { name: modelTier } : { name: DEFAULT_TIER, missing: modelTier }
  }

  /**
   * The conversation of a session, for one turn that begins now. `models`: those of the turn, whatever is
   * configured later.
   * @throws RpcError SessionNotFound
   */
  async open(
    turn: ConversationTurn,
    calls?: ModelCalls,
    models: Models = this.#app.providers,
    access: 'owner' | 'guest' = 'owner'
  ): Promise<{ conversation: Conversation; tier: Tier }> {
    const { config, db, tools, log } = this.#app
    const { laneId: sessionId, signal } = turn
    const stored = await db.contexts.get(sessionId)
    if (!stored) throw sessionNotFound(sessionId)
    const tier = this.tierOf(stored.config, models)
    const { contextWindow } = models.describe(tier.name)
    const rows = await db.messages.history(sessionId)
    const { context } = stored
    const first = rows.find(({ runId }) => runId === turn.id)
    const conversation = new Conversation({
      sessionId,
      history: chatOf(rows),
      ...(first && { turnFrom: chatLength(rows, first.id - 1) }),
      summary: context?.summary ?? undefined,
      counted:
        context?.contextWindow === contextWindow
          ? { tokens: context.tokens, messages: chatLength(rows, context.countedTo) }
          : undefined,
      system: config.agent.systemPrompt,
      tools: await tools.offered(access),
      contextWindow,
      settings: config.agent,
      contexts: db.contexts,
      signal,
      live: () => turn.live,
      deadline: Date.now() + config.agent.runTimeoutSeconds * 1000,
      log,
      ask: (request) => models.stream(tier.name, request, calls)
    })
    return { conversation, tier }
  }

  /** Sessions that a model has answered in, latest message first. */
  async usage(limit: number): Promise<{ sessionId: string; budget: Budget }[]> {
    const rows = await this.#app.db.contexts.list(limit)
    return rows.map(({ sessionId, config, tokens }) => ({ sessionId, budget: this.#budgetOf(config, tokens) }))
  }

  /** Tier, model and budget of one session; it need not be stored. */
  async of(sessionId: string): Promise<{ tier: Tier; model: ModelDescription; budget: Budget }> {
    const { config = {}, context } = (await this.#app.db.contexts.get(sessionId)) ?? {}
    const tier = this.tierOf(config)
    return { tier, model: this.#app.providers.describe(tier.name), budget: this.#budgetOf(config, context?.tokens ?? 0) }
  }

  #budgetOf(config: { readonly modelTier?: string }, tokens: number): Budget {
    const { contextWindow } = this.#app.providers.describe(this.tierOf(config).name)
    return budgetOf(tokens, contextWindow, this.#app.config.agent.contextThresholdPct)
  }
}
