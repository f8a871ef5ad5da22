import type { StoredReply } from '../../db/client.ts'
import type { EventListener } from '../../rpc/schemas/run-events.ts'
import type { Attachment } from '../providers/define.ts'

/** A message that came in over a channel. Whoever passes it on has verified that the platform sent it. */
export interface Inbound {
  /** As the channel names it; its session is `<channel>:<conversation>`. */
  readonly conversation: string
  /** Its session, where that is another one. */
  readonly sessionId?: string | undefined
  /** As the channel tells its senders apart. */
  readonly senderId: string
  readonly senderName?: string | undefined
  /** The platform's own id of it: what comes a second time, also after a restart, is the first one again. */
  readonly messageId: string
  readonly text: string
  /** Asked for once it is known that the sender is heard: strangers have nothing fetched. */
  readonly attachments?: (() => Promise<readonly Attachment[]>) | undefined
  /** The sender is named in the configuration, and so no stranger. */
  readonly known?: true | undefined
  /** What `deliver` needs to answer, beside the conversation. Any JSON; kept in the database until then. */
  readonly context?: unknown
  /** Is told what the run says, as it says it, as long as this process lives. */
  readonly listener?: EventListener | undefined
  /** Where the answer goes, when that is not the conversation it came from. `false`: nowhere. */
  readonly replyTo?: StoredReply | false | undefined
}

/** What became of a message. In each case the platform may be told that it has arrived. */
export type Receipt =
  | {
      readonly state: 'accepted' | 'duplicate'
      readonly sessionId: string
      readonly messageId: string
      /** Resolves once it is settled, whatever the outcome. */
      readonly ended: Promise<void>
    }
  /** The sender has not been let in. The agent does not get to see it. */
  | { readonly state: 'stranger' }
  /** No agent can take it, now or when it comes again. Its sender was told, unless the answer goes elsewhere. */
  | { readonly state: 'refused'; readonly reason: string }

/** One message to be sent on a channel: an answer, or a part of a long one. */
export interface Delivery {
  readonly conversation: string
  /** As it came in with the message that is answered. */
  readonly context: unknown
  /** At most `limit` characters. */
  readonly text: string
  /** The same whenever the same part is tried again: platforms that take such an id send it once. */
  readonly id: string
  /** Aborted when the gateway closes, or after a minute. */
  readonly signal: AbortSignal
}

/** A way in which people reach the agent: a messenger, a mailbox, a webhook. */
export interface Channel {
  /** The frontend of its sessions, the part of their ids before the colon. */
  readonly name: string
  /** UTF-16 code units that one message of the platform can have. */
  readonly limit: number
  /**
   * Sends one message. It may come twice where the gateway ended, or the connection broke, while it was sent.
   * @throws DeliveryError; anything else counts as one that can be tried again
   */
  deliver(delivery: Delivery): Promise<void>
}

/** Why something could not be delivered, in words for the log. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  /** Whether it can be tried again: the platform was busy, or could not be reached. */
  readonly retryable: boolean
  /** When the platform has said so. */
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    { retryable, retryAfterMs, ...options }: ErrorOptions & { retryable: boolean; retryAfterMs?: number }
  ) {
    super(message, options)
    this.retryable = retryable
    this.retryAfterMs = retryAfterMs
  }
}
