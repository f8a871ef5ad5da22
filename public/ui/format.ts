const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000]
] as const
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' })

/** "5 min. ago"; a time within two seconds is "now". */
export function ago(time: number, now: number): string {
  const ms = time - now
  if (Math.abs(ms) < 2000) return 'now'
  const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size)!
  return relative.format(Math.trunc(ms / size), unit)
}

/** "1.2 s", "3 min 20 s", "2 h 5 min". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`
}

const whole = new Intl.NumberFormat()

/** A number with the separators of the reader. */
export function count(value: number): string {
  return whole.format(value)
}

/** Characters that a reader does not see, or that reorder what stands around them. */
const HIDDEN =
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u061C\u115F\u1160\u180E\u200B-\u200F\u2028-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF9-\uFFFB\u{E0000}-\u{E01EF}]/gu

/** A text with hidden characters spelled out: `⟨202e⟩`. For what a person decides about. */
export function revealed(text: string): string {
  return text.replace(HIDDEN, (one) => `⟨${one.codePointAt(0)!.toString(16)}⟩`)
}

/** A call as a command line: `npx flynn-gateway call METHOD '{…}'`. */
export function asCli(method: string, params: unknown): string {
  return `npx flynn-gateway call ${method} ${quoted(JSON.stringify(params))}`
}

/** A call as curl, without a credential. */
export function asCurl(base: URL, method: string, params: unknown): string {
  const url = new URL(`rpc/${method}`, base)
  return `curl ${quoted(url.href)} -H 'authorization: Bearer TOKEN' -H 'content-type: application/json' -d ${quoted(JSON.stringify(params))}`
}

/** A call as a program of the client SDK. */
export function asCode(base: URL, method: string, params: unknown): string {
  return `import { connect } from 'flynn-gateway/client'

const client = connect(${JSON.stringify(base.href)}, { token: process.env.FLYNN_TOKEN })
console.log(await client.call(${JSON.stringify(method)}, ${JSON.stringify(params, null, 2)}))
await client.close()
`
}

/** A program of the client SDK that prints events of these kinds. */
export function asEventCode(base: URL, kinds: readonly string[]): string {
  return `import { connect } from 'flynn-gateway/client'

const client = connect(${JSON.stringify(base.href)}, { token: process.env.FLYNN_TOKEN })
for (const kind of ${JSON.stringify(kinds)}) client.on(kind, (data) => console.log(kind, data))
client.onConnected(() => void client.call('events.subscribe', { kinds: ${JSON.stringify(kinds)} }))
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
