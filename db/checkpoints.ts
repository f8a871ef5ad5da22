/**
 * The namespace of the memory that keeps the checkpoints of a session: `ws:abc` → `session/checkpoints/ws/abc`. No two sessions have
 * the same one: a slash in the name of the frontend is written otherwise, so the first one ends it.
 */
export function checkpointsOf(sessionId: string): string {
  const colon = sessionId.indexOf(':')
  const frontend = sessionId.slice(0, colon).replace(/[%/]/g, encodeURIComponent)
  return `session/checkpoints/${frontend}/${sessionId.slice(colon + 1)}`
}
