import type { GatewayMethods } from '../../../rpc/client/index.ts'

export type Line = GatewayMethods['system.serviceLogs']['result']['lines'][number]

/** Lines that contain a text, in any case of letters; none for an empty text. */
export function matches(lines: readonly Line[], text: string): readonly Line[] {
  const wanted = text.toLowerCase()
  return wanted === '' ? [] : lines.filter((line) => line.text.toLowerCase().includes(wanted))
}

/** A line cut at each match: those at odd places are the matches. */
export function parts(line: string, text: string): string[] {
  const wanted = text.toLowerCase()
  const lower = line.toLowerCase()
  // Some letters become two in lower case; then the places would not be those of the line.
  if (wanted === '' || lower.length !== line.length) return [line]
  const found: string[] = []
  let from = 0
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, from)) {
    found.push(line.slice(from, at), line.slice(at, at + wanted.length))
    from = at + wanted.length
  }
  return [...found, line.slice(from)]
}

/** Lines as a file: time, level, text. */
export function asText(lines: readonly Line[]): string {
  return lines.map(({ ts, level, text }) => `${new Date(ts).toISOString()} ${level} ${text}\n`).join('')
}
