import { MAX_BODY, MAX_TITLE, MAX_URL } from './offers.ts'

/** Reads a text from the arguments of a call. @throws Error when it is missing, empty or too long */
export function textOf(args: Record<string, unknown>, name: string, maxLength: number): string {
  const value = args[name]
  if (typeof value === 'string' && value.length > 0 && value.length <= maxLength) return value
  throw new Error(`args.${name} must be a text of 1 to ${maxLength} characters`)
}

/** Reads a text that may be missing. @throws Error when it is no text, or too long */
export function optionalText(args: Record<string, unknown>, name: string, maxLength: number): string | undefined {
  return args[name] === undefined || args[name] === '' ? undefined : textOf(args, name, maxLength)
}

/** Title and body of a notification. */
export function notificationOf(args: Record<string, unknown>): { readonly title: string; readonly body: string } {
  return { title: textOf(args, 'title', MAX_TITLE), body: optionalText(args, 'body', MAX_BODY) ?? '' }
}

/** Address of a page. Other schemes would start programs. @throws Error */
export function webAddressOf(args: Record<string, unknown>): string {
  const text = textOf(args, 'url', MAX_URL)
  if (URL.canParse(text)) {
    const { protocol, href } = new URL(text)
    if (protocol === 'https:' || protocol === 'http:') return href
  }
  throw new Error('args.url must be an address that begins with https:// or http://')
}
