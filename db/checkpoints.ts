/**
 * Memory namespace of a session's checkpoints: `ws:abc` → `session/checkpoints/ws/abc`. No two sessions share one: slashes in the name of
 * the frontend are escaped, so the first slash ends it.
 */
export function checkpointsOf(sessionId: string): string {
  const colon = sessionId.indexOf(':')
  const frontend = sessionId.slice(0, colon).replace(/[%/]/g, encodeURIComponent)
  return `session/checkpoints/${frontend}/${sessionId.slice(colon + 1)}`
}
