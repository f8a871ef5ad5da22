import { masked } from '../../security/sanitize.ts'
import type { ServerSettings } from './server-options.ts'

/** Characters of a reason. */
const MAX_WORDS = 300

/** Reason of a failure that may be shown: without anything that was configured as a secret. */
export function reasonOf(cause: unknown, settings: ServerSettings): string {
  return shown(rawReason(cause), settings)
}

/** Words of a server without secrets and control characters. */
export function shown(words: string, settings: ServerSettings, limit = MAX_WORDS): string {
  return masked(words, { secrets: secretsOf(settings), limit })
}

function rawReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const { status } = cause as { status?: unknown }
  if (typeof status === 'number') return `it answered with HTTP ${status}`
  const code = systemCode(cause)
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR')
    return `its command or working folder cannot be used (${code})`
  if (code !== undefined) return `it cannot be reached (${code})`
  // `fetch` has the reason only in its cause.
  if (cause.message === 'fetch failed' && cause.cause instanceof Error) return `it cannot be reached (${cause.cause.message})`
  return cause.message
}

/** Code of the operating system, however deep `fetch` has wrapped it. Codes of the SDK look different. */
function systemCode(cause: unknown): string | undefined {
  for (let error = cause, depth = 0; error instanceof Error && depth < 4; error = error.cause, depth++) {
    const { code } = error as NodeJS.ErrnoException
    if (typeof code === 'string' && /^(E[A-Z]{3,}|UND_ERR_\w+|CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_\w+)$/.test(code)) return code
  }
  return undefined
}

function secretsOf({ env, headers, url }: ServerSettings): string[] {
  const values = [...Object.values(env), ...Object.values(headers)]
  // `Bearer abc` may come back as `abc`.
  return [...values, ...values.flatMap((value) => value.split(' ').slice(1)), ...(url === undefined ? [] : [url])]
}
