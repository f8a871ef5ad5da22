export interface PairedSender {
  readonly channel: string
  readonly senderId: string
  /** An owner shares memory and tools with the operator, a guest does not. */
  readonly access: 'guest' | 'owner'
  readonly pairedAt: number
}

/** Paired senders, by channel. */
export interface PairingStore {
  /** Pairs a sender, or changes its access. `false`: nothing was changed because `most` others are paired. */
  add(sender: PairedSender, most: number): Promise<boolean>
  get(channel: string, senderId: string): Promise<PairedSender | undefined>
  /** Paired senders, newest first. */
  list(query: { channel?: string | undefined; limit: number }): Promise<PairedSender[]>
  /** `false`: no such sender. */
  remove(channel: string, senderId: string): Promise<boolean>
}
