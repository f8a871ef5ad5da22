import { styleText } from 'node:util'

/** Prints data to stdout, which may be piped into a program. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Prints a message to stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

type Style = Parameters<typeof styleText>[0]

/** Text in colour on a terminal, unless NO_COLOR is set. */
export function coloured(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream })
}
