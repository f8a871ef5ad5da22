export interface SubscriptionRow {
  /** Digest of the endpoint. */
  readonly id: string
  /** Id of the caller that registered it last. */
  readonly owner: string
  /** Secret address: everyone who knows it can send there. */
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
  readonly label: string | null
  readonly updatedAt: number
  /** Number of registrations. */
  readonly revision: number
}

/** Browsers that receive push notifications, each for one caller. */
export interface SubscriptionStore {
  /** Registers a browser for its owner, or updates it. `full`: nothing was changed because `most` are registered. */
  put(row: Omit<SubscriptionRow, 'revision'>, most: number): Promise<'created' | 'updated' | 'full'>
  /** Subscriptions of one caller. */
  of(owner: string): Promise<SubscriptionRow[]>
  /** Number of subscriptions of all callers. */
  count(): Promise<number>
  /** Removes a subscription, with `owner` only if it belongs to that caller. `false`: no such subscription. */
  remove(id: string, owner?: string): Promise<boolean>
}
