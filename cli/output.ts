import { styleText } from 'node:util'

/** Data goes to stdout, and nothing else does: it may be piped into a program. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Talk goes to stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

type Style = Parameters<typeof styleText>[0]

/** In colour on a terminal only, and never where NO_COLOR is set. */
export function coloured(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream })
}
