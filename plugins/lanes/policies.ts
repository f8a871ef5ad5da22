import type { Db, SessionRow } from '../../db/client.ts'
import type { QueueMode, QueuePolicy } from '../../lanes/message.ts'

/** Source of a field of a policy: the session, the configuration of its frontend, or the default. */
type PolicyOrigin = 'session' | 'channel' | 'default'

/** A policy, and the source of each field. */
interface PolicyDescription {
  readonly policy: QueuePolicy
  readonly origin: { readonly [Field in keyof QueuePolicy]: PolicyOrigin }
}

/** Policies in the configuration. */
export interface PolicyConfig {
  readonly default: QueuePolicy
  /** By frontend, the part of a session id before its first colon. */
  readonly channels: { readonly [frontend: string]: Partial<QueuePolicy> }
}

interface PoliciesOptions {
  readonly config: PolicyConfig
  readonly db: { readonly sessions: Pick<Db['sessions'], 'get' | 'configure' | 'unset'> }
  readonly now?: () => number
}

/** Merges policies field by field: session, else channel, else default. */
export function layered(
  fallback: QueuePolicy,
  channel: Partial<QueuePolicy> = {},
  session: Partial<QueuePolicy> = {}
): PolicyDescription {
  const from = (field: keyof QueuePolicy): PolicyOrigin =>
    field in session ? 'session' : field in channel ? 'channel' : 'default'
  return {
    policy: { ...fallback, ...channel, ...session },
    origin: {
      mode: from('mode'),
      cap: from('cap'),
      overflow: from('overflow'),
      debounceMs: from('debounceMs'),
      summarizeOverflow: from('summarizeOverflow')
    }
  }
}

/**
 * Resolves the policy of a message. It is resolved for each message, so that a change applies to the next one, and settings of a session
 * end with the session.
 */
export class Policies {
  readonly #config: PolicyConfig
  readonly #sessions: PoliciesOptions['db']['sessions']
  readonly #now: () => number

  constructor({ config, db, now = Date.now }: PoliciesOptions) {
    this.#config = config
    this.#sessions = db.sessions
    this.#now = now
  }

  /** Policy of a new message. `mode`: the mode that the message itself asks for. */
  async resolve(sessionId: string, mode?: QueueMode): Promise<QueuePolicy> {
    const { policy } = await this.describe(sessionId)
    return mode === undefined ? policy : { ...policy, mode }
  }

  /** Policy of a session, which need not be stored. */
  async describe(sessionId: string): Promise<PolicyDescription> {
    return this.#describe(sessionId, await this.#sessions.get(sessionId))
  }

  /** Policy of a session from its row. */
  effective(row: Pick<SessionRow, 'id' | 'config'>): QueuePolicy {
    return this.#describe(row.id, row).policy
  }

  /** Sets fields for this session alone; other fields stay. Creates the session if necessary. */
  async override(sessionId: string, fields: Partial<QueuePolicy>): Promise<void> {
    await this.#sessions.configure(sessionId, { queue: fields }, this.#now())
  }

  /** Removes what was set for this session. */
  async reset(sessionId: string): Promise<void> {
    await this.#sessions.unset(sessionId, 'queue')
  }

  #describe(sessionId: string, row: Pick<SessionRow, 'config'> | undefined): PolicyDescription {
    const { channels } = this.#config
    const frontend = sessionId.slice(0, sessionId.indexOf(':'))
    // A client can name a session `constructor:1`.
    const channel = Object.hasOwn(channels, frontend) ? channels[frontend] : undefined
    return layered(this.#config.default, channel, row?.config.queue)
  }
}
