/** Characters that are kept. */
const LIMIT = 300
/** Characters that are looked at: the patterns below are not made for megabytes. */
const READ = 2000

/**
 * Makes a provider's words fit for a log: the configured keys in every form a server may echo them, whatever else looks
 * like a credential, user names and queries of URLs, and control characters (a log line must stay one line) are replaced.
 */
export function mask(text: string, secrets: readonly string[]): string {
  let masked = text
  for (const secret of secrets) for (const form of formsOf(secret)) masked = masked.replaceAll(form, '***')
  masked = masked
    .slice(0, READ)
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1***@')
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s?]*)\?\S*/gi, '$1?***')
    .replace(/\b(bearer|basic)\s+\S+/gi, '$1 ***')
    .replace(/\b(?:sk|pk|key|gsk|xai)-[\w*.-]{6,}/gi, '***')
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
  // Cut last: half of a key would no longer be found.
  return masked.length > LIMIT ? `${masked.slice(0, LIMIT)}…` : masked
}

function formsOf(secret: string): string[] {
  // Anything shorter is no key, and replacing it would leave nothing readable.
  if (secret.length < 4) return []
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64')]
}
