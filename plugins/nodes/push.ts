/** How one device is reached. */
export interface PushTarget {
  readonly token: string
  readonly environment?: 'production' | 'sandbox' | undefined
  /** Bundle id of the app. */
  readonly topic?: string | undefined
}

/** What it is told. Without title and body the app is woken and nothing is shown. */
export interface PushMessage {
  readonly title?: string | undefined
  readonly body?: string | undefined
  readonly data?: Readonly<Record<string, string>> | undefined
}

/** What came of it: taken, with what the service calls the message if it says so, or not, and why in its words. */
export type PushSent =
  | { readonly id: string | undefined }
  | {
      readonly reason: string
      /** The service has no such device: since when, in epoch milliseconds, where it says so. */
      readonly gone?: { readonly since?: number | undefined }
      readonly retryable?: boolean
      readonly retryAfterMs?: number | undefined
    }

/** Something that reaches devices by their tokens. */
export interface PushService {
  /** A provider of `node.push_token.set`. */
  readonly name: 'apns' | 'fcm'
  /** The keys of the configuration that it lacks to reach that device. */
  missing(target: PushTarget): string[]
  /** Never says the token. @throws RpcError InvalidRequest for a message that it cannot carry */
  send(target: PushTarget, message: PushMessage, signal: AbortSignal): Promise<PushSent>
}
