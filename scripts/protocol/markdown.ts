/** Rows below a head, columns as wide as they need to be. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

/** A cell is one line, and a bar would end it. */
function cell(text: string): string {
  return text.replaceAll('\n', ' ').replace(/(?<!\\)\|/g, '\\|')
}

/** Text without the columns that are empty in every row. */
export function tableOfFilled(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const filled = head.map((_title, column) => rows.some((row) => row[column] !== ''))
  const only = (cells: readonly string[]): string[] => cells.filter((_cell, column) => filled[column])
  return table(only(head), rows.map(only))
}

/** The anchor that GitHub gives a heading. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

export function link(heading: string, text = heading): string {
  return `[${text}](#${anchor(heading)})`
}

export function code(text: string): string {
  return `\`${text}\``
}

/** Characters of JSON that are read on one line. */
const LONG_LINE = 180

/** Values as JSON: on one line each where that can be read, and else over several. */
export function json(...values: readonly unknown[]): string {
  const lines = values.map((value) => {
    const short = JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ')
    return short.length <= LONG_LINE ? short : JSON.stringify(value, null, 2)
  })
  return ['```json', ...lines, '```'].join('\n')
}

/** The list of the chapters. */
export function contents(text: string): string {
  return [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => `- ${link(heading!)}`).join('\n')
}

export function paragraphs(...parts: ReadonlyArray<string | false | undefined>): string {
  return parts.filter((part) => typeof part === 'string' && part !== '').join('\n\n')
}
