import assert from 'node:assert/strict'
import { existsSync, globSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import type { RouteOptions } from 'fastify'
import { gatewayPlugin } from '../../plugins/define.ts'
import { build } from '../helper.ts'
import { readText, tableText, tableUnder } from './tables.ts'

const ROOT = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))

/** Folders that state their contract. */
const README_FOLDERS = [
  'cli',
  'cli/doctor',
  'db',
  'examples',
  'lanes',
  'plugins',
  'public',
  'routes',
  'rpc',
  'rpc/client',
  'rpc/documents',
  'test',
  ...globSync('plugins/*/', { cwd: ROOT })
]
const READMES = README_FOLDERS.map((folder) => path.join(folder, 'README.md'))

/** Parts that every concern has, described once in plugins/README.md. */
const STANDARD_PARTS: ReadonlySet<string> = new Set(['index.ts', 'methods.ts', 'schema.ts', 'tool.ts'])

test('every folder states its contract in a README', () => {
  assert.deepEqual(
    READMES.filter((file) => !existsSync(path.join(ROOT, file))),
    []
  )
})

test('every README names each source of its folder', () => {
  const silent = README_FOLDERS.filter((folder) => folder !== 'test').flatMap((folder) => {
    const text = readText(path.join(folder, 'README.md'))
    const named = (name: string) => new RegExp(`[\`| ,(]${name}(\\.ts|\\.js)?[\`| ,:)]`).test(text)
    return globSync('*.{ts,js}', { cwd: path.join(ROOT, folder) })
      .filter((file) => !(folder.startsWith('plugins/') && STANDARD_PARTS.has(file)))
      .filter((file) => !named(path.parse(file).name))
      .map((file) => path.join(folder, file))
  })
  assert.deepEqual(silent, [])
})

test('every file that a document names exists', () => {
  const documents = [...READMES, ...globSync(['*.md', 'docs/*.md'], { cwd: ROOT })]
  const files = globSync('**/*', { cwd: ROOT, exclude: (name) => ['node_modules', '.git', 'dist'].includes(name) })
  for (const document of documents) {
    const text = readText(document).replace(/^```[\s\S]*?^```/gm, '')
    for (const [, name] of text.matchAll(/`([\w./-]+\.(?:ts|js|mjs|json|md|sql))`/g)) {
      // Names of files that a user has, or that are served.
      if (name!.startsWith('/') || name === 'package-lock.json') continue
      const found = [path.dirname(document), '.', path.join('test', path.dirname(document))].some((folder) => {
        const inside = folder === '.' ? '' : `${folder}/`
        return (
          existsSync(path.join(ROOT, folder, name!)) ||
          files.some((file) => file.startsWith(inside) && `/${file}`.endsWith(`/${name}`))
        )
      })
      assert.ok(found, `${document} names ${name}`)
    }
    for (const [, target] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
      assert.ok(existsSync(path.join(ROOT, path.dirname(document), target!)), `${document} links to ${target}`)
    }
  }
})

test('the table of routes is the one of the gateway', async (t) => {
  const routes: RouteOptions[] = []
  const collector = gatewayPlugin({ name: 'collector' }, async (app) => {
    app.addHook('onRoute', (route) => void routes.push(route))
  })
  await build(t, { plugins: [collector] })
  const page = globSync('*', { cwd: path.join(ROOT, 'public') })
  const expected = routes
    .flatMap(({ method, url, config }) => [method].flat().map((method) => ({ method, url, auth: config?.auth ?? 'required' })))
    .filter(({ method, url }) => method !== 'HEAD' && !page.includes(url.slice(1)))
    .map(({ method, url, auth }) => [`\`${method} ${url}\``, `\`${auth}\``])
  const rows = tableUnder(readText('routes/README.md'), 'Routes')
  assert.deepEqual(
    rows.map((row) => row.slice(0, 2)),
    expected,
    `routes/README.md, 'Routes' should begin:\n\n${tableText(expected)}\n`
  )
  assert.ok(!routes.some(({ url }) => url.endsWith('.md')), 'documents are not served')
})
