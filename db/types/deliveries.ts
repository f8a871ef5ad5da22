/** Signed requests that were accepted, so that a captured one does not run again. */
export interface DeliveryStore {
  /** Id of the message that one of these keys stands for. */
  find(source: string, keys: readonly string[]): Promise<string | undefined>
  /** Remembers keys of a source. Beyond `most` of them the oldest are removed. */
  add(
    delivery: { readonly source: string; readonly keys: readonly string[]; readonly messageId: string; readonly now: number },
    most: number
  ): Promise<void>
}
