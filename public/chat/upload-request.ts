/** A file on the gateway, for `attachmentIds`. */
export interface Uploaded {
  readonly id: string
}

/** An upload that failed. */
export class UploadFailed extends Error {
  /** It broke off, or the gateway was not reached: the same again may succeed. */
  readonly broken: boolean

  constructor(message: string, broken: boolean) {
    super(message)
    this.broken = broken
  }
}

export interface UploadRequest {
  readonly base: URL
  /** Headers of the credential. */
  readonly headers: Readonly<Record<string, string>>
  readonly name: string
  readonly type: string
  readonly content: Blob
  /** Ends the upload. */
  readonly signal: AbortSignal
  /** Part that was sent, from 0 to 1. */
  readonly onProgress: (part: number) => void
}
