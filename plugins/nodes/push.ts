/** Address of one device. */
export interface PushTarget {
  readonly token: string
  readonly environment?: 'production' | 'sandbox' | undefined
  /** Bundle id of the app. */
  readonly topic?: string | undefined
}

/** Content of a notification. Without title and body the app wakes up and shows nothing. */
export interface PushMessage {
  readonly title?: string | undefined
  readonly body?: string | undefined
  readonly data?: Readonly<Record<string, string>> | undefined
}

/** Result of a delivery: accepted, with the service's id of the message if it gives one, or refused, with the service's reason. */
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
