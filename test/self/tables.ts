import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

/** A file of the repository, as text. */
export function readText(file: string): string {
  return readFileSync(new URL(file, import.meta.resolve('#package.json')), 'utf8')
}

/** The cells of a Markdown table, row by row, without its head: the first table below the heading. */
export function tableUnder(text: string, heading: string): string[][] {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => new RegExp(`^#+ ${heading}$`).test(line))
  assert.notEqual(start, -1, `no heading '${heading}'`)
  const first = lines.findIndex((line, index) => index > start && line.startsWith('|'))
  assert.notEqual(first, -1, `no table under '${heading}'`)
  const length = lines.slice(first).findIndex((line) => !line.startsWith('|'))
  return lines.slice(first + 2, length === -1 ? undefined : first + length).map(cellsOf)
}

function cellsOf(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}

/** The rows as Markdown, columns aligned: what to paste when the test says so. */
export function tableText(rows: ReadonlyArray<readonly string[]>): string {
  const widths = rows[0]!.map((_cell, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`).join('\n')
}
