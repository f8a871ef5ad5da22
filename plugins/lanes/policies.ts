import type { Db, SessionRow } from '../../db/client.ts'
import type { QueueMode, QueuePolicy } from '../../lanes/message.ts'

/** Where a field of a policy comes from: set in the session, for the frontend in the configuration, or for all. */
type PolicyOrigin = 'session' | 'channel' | 'default'

/** A policy, and where each field of it comes from. */
interface Described {
  readonly policy: QueuePolicy
  readonly origin: { readonly [Field in keyof QueuePolicy]: PolicyOrigin }
}

/** What the configuration says of policies. */
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

/** Field by field: what the session says, else its channel, else the default. */
export function layered(
  fallback: QueuePolicy,
  channel: Partial<QueuePolicy> = {},
  session: Partial<QueuePolicy> = {}
): Described {
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
 * Which policy a message gets. It is looked up for each one, so that what somebody sets holds for the next message, and what was set
 * in a session is gone with the session.
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

  /** The policy of a message that comes now. `mode` is what the message itself asks for. */
  async resolve(sessionId: string, mode?: QueueMode): Promise<QueuePolicy> {
    const { policy } = await this.describe(sessionId)
    return mode === undefined ? policy : { ...policy, mode }
  }

  /** The policy of a session, which need not be stored. */
  async describe(sessionId: string): Promise<Described> {
    return this.#describe(sessionId, await this.#sessions.get(sessionId))
  }

  /** The policy of a session whose row is at hand. */
  effective(row: Pick<SessionRow, 'id' | 'config'>): QueuePolicy {
    return this.#describe(row.id, row).policy
  }

  /** Sets fields for this session alone; the others stay as they are. Makes the session unless it is there. */
  async override(sessionId: string, fields: Partial<QueuePolicy>): Promise<void> {
    await this.#sessions.configure(sessionId, { queue: fields }, this.#now())
  }

  /** Takes back what was set for this session. */
  async reset(sessionId: string): Promise<void> {
    await this.#sessions.unset(sessionId, 'queue')
  }

  #describe(sessionId: string, row: Pick<SessionRow, 'config'> | undefined): Described {
    const { channels } = this.#config
    const frontend = sessionId.slice(0, sessionId.indexOf(':'))
    // Anybody can name a session `constructor:1`.
    const channel = Object.hasOwn(channels, frontend) ? channels[frontend] : undefined
    return layered(this.#config.default, channel, row?.config.queue)
  }
}
