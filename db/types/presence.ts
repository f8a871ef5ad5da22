export interface PresenceRow {
  readonly channel: string
  readonly senderId: string
  /** Newest name that the channel gave. */
  readonly senderName: string | null
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly messageCount: number
}

export type Sighting = Pick<PresenceRow, 'channel' | 'senderId' | 'senderName'>

export interface PresenceQuery {
  readonly channel?: string | undefined
  readonly status?: 'online' | 'offline' | undefined
  /** A sender seen at this time or later is online. */
  readonly onlineSince: number
  readonly limit: number
}

/** Senders of messages, by channel. All times are epoch milliseconds. */
export interface PresenceStore {
  /** Records a message of a sender. `created`: the sender was unknown. */
  seen(sighting: Sighting, now: number): Promise<{ created: boolean }>
  /** Senders by last message, newest first. `total` and `online` count all matching ones, before the limit. */
  list(query: PresenceQuery): Promise<{ rows: PresenceRow[]; total: number; online: number }>
  /** Removes all senders except the `most` seen last. */
  keep(most: number): Promise<void>
  /** Deletes some senders last seen before `before`. Returns their number; 0: none is left. */
  purge(before: number): Promise<number>
}
