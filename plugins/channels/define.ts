import type { StoredReply } from '../../db/client.ts'
import type { EventListener } from '../../rpc/schemas/run-events.ts'
import type { Access, Policy } from '../pairing/index.ts'
import type { Attachment } from '../providers/define.ts'

/** A file that a channel could not fetch. */
export interface LostFile {
  readonly filename?: string | undefined
  /** Reason in a few words, for the agent and the sender: `it is too large`. */
  readonly lost: string
}

/** A message that another one replies to. */
export interface Quote {
  readonly name?: string | undefined
  readonly text: string
}

/** A message that came in over a channel. Its channel has verified that the platform sent it. */
export interface Inbound {
  /** Id on the channel; its session is `<channel>:<conversation>`. */
  readonly conversation: string
  /** Session, where it is another one. */
  readonly sessionId?: string | undefined
  /** Id of the sender on the channel. */
  readonly senderId: string
  readonly senderName?: string | undefined
  /** Several people talk in the conversation: the agent reads the sender's name before the text. */
  readonly group?: boolean | undefined
  /** The platform's own id. A message that comes a second time, also after a restart, starts nothing. */
  readonly messageId: string
  readonly text: string
  /** The message that this one replies to, or quotes. */
  readonly quote?: Quote | undefined
  /** Author of a forwarded message. */
  readonly forwardedFrom?: string | undefined
  /**
   * Fetches the files of the message, once its sender is known to be heard. Their types are judged by their bytes; the declared type is a hint.
   */
  readonly attachments?: (() => Promise<readonly (Attachment | LostFile)[]>) | undefined
  /** Parts that the agent cannot take, as people call them: `a poll`. They are named to the agent, or to the sender when nothing else is left. */
  readonly untaken?: readonly string[] | undefined
  /** Access of a sender that the configuration names. Absent: pairing decides. */
  readonly access?: Access | undefined
  /** `false`: a text that begins with a slash is no command. Default: true. */
  readonly commands?: boolean | undefined
  /** Data that `deliver` needs to answer, beside the conversation. Any JSON; kept in the database until the answer is delivered. */
  readonly context?: unknown
  /** Receives the run's events while this process lives. */
  readonly listener?: EventListener | undefined
  /** Destination of the answer, when it is not the conversation of the message. `false`: the answer is dropped. */
  readonly replyTo?: StoredReply | false | undefined
}

/** Outcome of `receive`. In each case the platform may be answered that the message has arrived. */
export type Receipt =
  | {
      readonly state: 'accepted' | 'duplicate'
      readonly sessionId: string
      readonly messageId: string
      /** Resolves once the message is settled, whatever the outcome. */
      readonly ended: Promise<void>
    }
  /** The sender is not paired. The agent does not see the message. */
  | { readonly state: 'stranger' }
  /** The agent cannot take the message, now or when it comes again. Its sender was informed, unless the answer goes elsewhere. */
  | { readonly state: 'refused'; readonly reason: string }

/** One message to be sent on a channel: an answer, or a part of a long one. */
export interface Delivery {
  readonly conversation: string
  /** `context` of the message that is answered. */
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
  /** Frontend of its sessions, the part of their ids before the colon. */
  readonly name: string
  /** UTF-16 code units that one message of the platform can have. */
  readonly limit: number
  /** Policy for unknown senders that is stricter than `pairing.default`. Counts unless the configuration says `open`, or names the channel. */
  readonly pairing?: Policy
  /**
   * Sends one message. It may come twice where the gateway ended, or the connection broke, while it was sent.
   * @throws DeliveryError; anything else counts as one that can be tried again
   */
  deliver(delivery: Delivery): Promise<void>
}

/** Failure of a delivery, with a message for the log. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  /** A later try may succeed: the platform was busy, or could not be reached. */
  readonly retryable: boolean
  /** Pause that the platform asks for. */
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
