/** Location of a companion device. Times are epoch milliseconds; `capturedAt` is by the device's own clock. */
export interface StoredLocation {
  readonly latitude: number
  readonly longitude: number
  readonly accuracyMeters?: number
  readonly source?: string
  readonly capturedAt: number
  readonly receivedAt: number
}

/** State that a companion device reported. */
export interface StoredStatus {
  readonly platform?: string
  readonly appVersion?: string
  readonly deviceName?: string
  readonly statusText?: string
  readonly batteryPct?: number
  readonly powerSource?: string
  readonly updatedAt: number
}

/** Push token that wakes a companion device. */
export interface StoredPush {
  readonly provider: 'apns' | 'fcm'
  /** Encrypted by the caller of the store, if at all. */
  readonly token: string
  readonly environment?: 'production' | 'sandbox'
  readonly topic?: string
  readonly updatedAt: number
}

/** Something that a companion device declared it can do. */
export interface StoredCapability {
  readonly name: string
  readonly description?: string
  /** JSON Schema of its arguments. */
  readonly params?: Readonly<Record<string, unknown>>
}

export interface NodeRow {
  readonly id: string
  /** Id of the caller that registered it first. Only that caller and an admin may register it again. */
  readonly owner: string
  readonly role: string
  /** Declared by its last registration. Null: by a version of the gateway that did not store them. */
  readonly capabilities: readonly StoredCapability[] | null
  /** Time of its last registration or report. */
  readonly seenAt: number
  readonly location: StoredLocation | null
  readonly status: StoredStatus | null
  readonly push: StoredPush | null
  /** Digest of the push token: a token belongs to one node. */
  readonly pushDigest: string | null
}

export interface NodeRegistration {
  readonly id: string
  /** Id of the caller. The first one stays the owner. */
  readonly owner: string
  /** Accept any owner. */
  readonly anyOwner: boolean
  readonly role: string
  readonly capabilities: readonly StoredCapability[]
  readonly now: number
  /** Connected nodes, which are never removed. */
  readonly keep: readonly string[]
  /** Limit on stored nodes. Beyond it those unseen for longest are removed. */
  readonly cap: number
}

/** Companion devices, connected or not. */
export interface NodeStore {
  /** Creates the node, or updates it for its owner. `false`: it belongs to another caller, and nothing was changed. */
  register(registration: NodeRegistration): Promise<boolean>
  get(id: string): Promise<NodeRow | undefined>
  /** All nodes, by id. */
  list(): Promise<NodeRow[]>
  setLocation(id: string, location: StoredLocation): Promise<void>
  setStatus(id: string, status: StoredStatus): Promise<void>
  /** Sets the push token of a node and removes it from any other node with the same digest. */
  setPush(id: string, push: StoredPush, pushDigest: string): Promise<void>
  /** Removes a push token that its service no longer knows. `false`: the node has another token by now, which stays. */
  removePush(id: string, pushDigest: string): Promise<boolean>
  /** Deletes a node with all it reported. `false`: there was none. */
  forget(id: string): Promise<boolean>
  /** Replaces the encrypted form of a push token. Does not change `seenAt`. */
  reseal(id: string, push: StoredPush): Promise<void>
}
