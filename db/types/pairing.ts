export interface PairedSender {
  readonly channel: string
  readonly senderId: string
  readonly pairedAt: number
}

/** Paired senders, by channel. */
export interface PairingStore {
  /** Pairs a sender. `false`: nothing was changed because `most` others are paired. */
  add(sender: PairedSender, most: number): Promise<boolean>
  has(channel: string, senderId: string): Promise<boolean>
  /** Paired senders, newest first. */
  list(query: { channel?: string | undefined; limit: number }): Promise<PairedSender[]>
  /** `false`: no such sender. */
  remove(channel: string, senderId: string): Promise<boolean>
}
