/** Characters of a title made from a message. */
const MAX_TITLE = 80

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/** Title for a session whose first message is this text: its first line, cut after a word. Null for a text without any. */
export function titleOf(text: string): string | null {
  // Far more than a title needs; a message may be a megabyte.
  const [line = ''] = text.slice(0, 4096).trim().split('\n', 1)
  const plain = line.replace(INVISIBLE, ' ').replace(/\s+/g, ' ').trim().toWellFormed()
  if (plain === '') return null
  if (plain.length <= MAX_TITLE) return plain
  const cut = plain.slice(0, MAX_TITLE)
  const space = cut.lastIndexOf(' ')
  return `${(space > MAX_TITLE / 2 ? cut.slice(0, space) : cut).toWellFormed()}…`
}
