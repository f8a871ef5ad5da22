import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { readText } from './tables.ts'

const ROOT = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))

/** Phrases that make a reader decode a sentence before the fact. The plain form says the thing first, with a verb in the active voice. */
const RIDDLES: readonly RegExp[] = [
  /\b(?:is|are|was|were|be|been) told\b/i,
  /\bwhoever\b/i,
  /\bnobody\b/i,
  /\bsomebody\b/i,
  /\b(?:is|are|was) (?:not )?there\b/i,
  /\bwhat is\b/i,
  /\ball the same\b/i,
  /\bat the most\b/i,
  /\bso many\b/i,
  /\bmeanwhile\b/i
]

/** A doc comment starts with a noun phrase or a verb in the third person. */
const QUESTION = /^(?:What|Who|Whom|Whose|Whether|How|Where)\b/

interface Sentence {
  readonly line: number
  readonly text: string
  readonly isDoc?: boolean
}

/** Comments and string literals of a source. Template expressions stay in the text, which is harmless here. */
function sentencesOf(source: string): Sentence[] {
  const token = /\/\*\*?([\s\S]*?)\*\/|(?<![:'"`\\])\/\/(.*)|'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g
  return Array.from(source.matchAll(token), ([all, block, line, ...strings]) => ({ all, block, line, strings, at: 0 })).flatMap(
    ({ all, block, line, strings }, index, tokens) => {
      const start = tokens.slice(0, index).reduce((from, { all: before }) => source.indexOf(before, from) + before.length, 0)
      const place = source.slice(0, source.indexOf(all, start)).split('\n').length
      const text = block?.replace(/^\s*\*\s?/gm, '').trim() ?? line ?? strings.find((one) => one !== undefined) ?? ''
      return [{ line: place, text, isDoc: all.startsWith('/**') }]
    }
  )
}

/** Lines of a Markdown document without its code blocks. */
function linesOf(text: string): Sentence[] {
  let isCode = false
  return text.split('\n').flatMap((line, index) => {
    if (line.startsWith('```')) isCode = !isCode
    return isCode ? [] : [{ line: index + 1, text: line }]
  })
}

/** Complaint about a sentence, or undefined. */
function complaint({ text, isDoc = false }: Sentence): string | undefined {
  const riddle = RIDDLES.map((pattern) => pattern.exec(text)?.[0]).find((found) => found !== undefined)
  if (riddle !== undefined) return `'${riddle}'`
  const question = isDoc ? QUESTION.exec(text)?.[0] : undefined
  return question && `doc comment starts with '${question}'`
}

const SOURCES = '{*.ts,{bench,cli,db,examples,lanes,plugins,public,routes,rpc,scripts,security,server}/**/*.{ts,tsx,js}}'
const DOCUMENTS = '{*.md,{bench,cli,db,docs,examples,lanes,plugins,public,routes,rpc,security,server,test}/**/*.md}'

test('sentences are plain English', () => {
  const found = [
    ...globSync(SOURCES, { cwd: ROOT }).map((file) => ({
      file,
      sentences: sentencesOf(readText(file))
    })),
    ...globSync(DOCUMENTS, { cwd: ROOT }).map((file) => ({ file, sentences: linesOf(readText(file)) }))
  ].flatMap(({ file, sentences }) =>
    sentences.flatMap((sentence) => {
      const why = complaint(sentence)
      return why === undefined
        ? []
        : [`${file.split(path.sep).join('/')}:${sentence.line}: ${why} in: ${sentence.text.replace(/\s+/g, ' ').slice(0, 120)}`]
    })
  )
  assert.deepEqual(found, [])
})

test('the lint finds riddles in comments, strings and Markdown', () => {
  const source = [
    '/** What Prometheus is told. */',
    'const a = 1 // nobody knows',
    "const b = 'whoever asks'",
    'const c = "https://example.com/what"',
    '/** Prometheus metrics registry. */'
  ].join('\n')
  const found = sentencesOf(source).filter((sentence) => complaint(sentence) !== undefined)
  assert.deepEqual(
    found.map(({ line }) => line),
    [1, 2, 3]
  )
  assert.equal(complaint({ line: 1, text: 'Whether it runs', isDoc: true }), "doc comment starts with 'Whether'")
  assert.equal(complaint({ line: 1, text: 'Whether it runs' }), undefined)
  assert.deepEqual(
    linesOf('a\n```sh\nnobody\n```\nb').map(({ text }) => text),
    ['a', '```', 'b']
  )
})
