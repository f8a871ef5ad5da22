import { type ShjLanguageData, tokenizer } from '@speed-highlight/core/tokenize'

/** A piece of code and its kind; undefined for what has no colour. */
export interface CodePiece {
  readonly text: string
  readonly kind?: string
}

/** Longer code stays without colours. */
export const MAX_HIGHLIGHTED = 50_000

type Loader = () => Promise<{ readonly default: unknown }>

const LANGUAGES: Readonly<Record<string, Loader>> = {
  bash: () => import('@speed-highlight/core/languages/bash.js'),
  c: () => import('@speed-highlight/core/languages/c.js'),
  css: () => import('@speed-highlight/core/languages/css.js'),
  diff: () => import('@speed-highlight/core/languages/diff.js'),
  docker: () => import('@speed-highlight/core/languages/docker.js'),
  go: () => import('@speed-highlight/core/languages/go.js'),
  html: () => import('@speed-highlight/core/languages/html.js'),
  http: () => import('@speed-highlight/core/languages/http.js'),
  ini: () => import('@speed-highlight/core/languages/ini.js'),
  java: () => import('@speed-highlight/core/languages/java.js'),
  js: () => import('@speed-highlight/core/languages/js.js'),
  jsdoc: () => import('@speed-highlight/core/languages/jsdoc.js'),
  json: () => import('@speed-highlight/core/languages/json.js'),
  log: () => import('@speed-highlight/core/languages/log.js'),
  lua: () => import('@speed-highlight/core/languages/lua.js'),
  make: () => import('@speed-highlight/core/languages/make.js'),
  md: () => import('@speed-highlight/core/languages/md.js'),
  pl: () => import('@speed-highlight/core/languages/pl.js'),
  py: () => import('@speed-highlight/core/languages/py.js'),
  regex: () => import('@speed-highlight/core/languages/regex.js'),
  rs: () => import('@speed-highlight/core/languages/rs.js'),
  sql: () => import('@speed-highlight/core/languages/sql.js'),
  todo: () => import('@speed-highlight/core/languages/todo.js'),
  toml: () => import('@speed-highlight/core/languages/toml.js'),
  ts: () => import('@speed-highlight/core/languages/ts.js'),
  uri: () => import('@speed-highlight/core/languages/uri.js'),
  xml: () => import('@speed-highlight/core/languages/xml.js'),
  yaml: () => import('@speed-highlight/core/languages/yaml.js')
}

/** Names that people write for a language. */
const ALIASES: Readonly<Record<string, string>> = {
  sh: 'bash',
  shell: 'bash',
  zsh: 'bash',
  console: 'bash',
  'c++': 'c',
  cpp: 'c',
  h: 'c',
  scss: 'css',
  patch: 'diff',
  dockerfile: 'docker',
  golang: 'go',
  vue: 'html',
  javascript: 'js',
  mjs: 'js',
  cjs: 'js',
  jsx: 'js',
  node: 'js',
  json5: 'json',
  jsonc: 'json',
  jsonl: 'json',
  makefile: 'make',
  markdown: 'md',
  perl: 'pl',
  python: 'py',
  python3: 'py',
  rust: 'rs',
  postgresql: 'sql',
  mysql: 'sql',
  sqlite: 'sql',
  typescript: 'ts',
  tsx: 'ts',
  mts: 'ts',
  svg: 'xml',
  yml: 'yaml'
}

/** Pieces of `code`, which together are `code`; undefined for a language that is not known. Loads the language at its first use. */
export async function highlight(code: string, language: string): Promise<readonly CodePiece[] | undefined> {
  const name = known(language.toLowerCase())
  if (name === undefined || code.length > MAX_HIGHLIGHTED) return undefined
  const pieces: CodePiece[] = []
  const run = tokenizer(code, name, (text, kind) => {
    if (text !== '') pieces.push({ text, ...(kind !== undefined && { kind }) })
  })
  let step = run.next()
  while (!step.done) step = run.next((await LANGUAGES[step.value]?.())?.default as ShjLanguageData)
  return pieces
}

function known(language: string): string | undefined {
  const name = Object.hasOwn(ALIASES, language) ? ALIASES[language]! : language
  return Object.hasOwn(LANGUAGES, name) ? name : undefined
}
