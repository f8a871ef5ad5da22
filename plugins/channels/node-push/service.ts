/** Bytes of a payload that both services take. */
export const MAX_PAYLOAD_BYTES = 4096
export const TIMEOUT_MS = 10_000

/** Reason in the service's own term. Anything but a term is not shown. */
export function reasonOf(said: unknown, status: number): string {
  return typeof said === 'string' && /^[A-Za-z_]{1,64}$/.test(said) ? said : `status ${status}`
}

/** Milliseconds, of a `Retry-After` in seconds. */
export function retryAfterOf(header: unknown): number | undefined {
  const seconds = typeof header === 'string' ? Number(header) : Number.NaN
  return seconds >= 0 && Number.isSafeInteger(seconds * 1000) ? seconds * 1000 : undefined
}
