/** Reading positions in sources outside the gateway. */
export interface CursorStore {
  get(name: string): Promise<string | undefined>
  put(name: string, value: string): Promise<void>
}
