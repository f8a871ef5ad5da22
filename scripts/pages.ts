// Builds the pages and their service worker into dist/public, compressed as well: node scripts/pages.ts [DIGEST OF THE SOURCES]
import { createHash } from 'node:crypto'
import { globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { build } from 'vite'
import type { ShellBuild } from '../public/worker/shell.ts'

const ROOT = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))
const BUILT = join(ROOT, 'dist', 'public')
/** Smaller files gain nothing. */
const LEAST_BYTES = 512

// In a folder of its own first: a gateway that starts during the build serves the one before, never half of it.
const half = `${BUILT}.${process.pid}`
await build({
  root: join(ROOT, 'public', 'app'),
  configFile: join(ROOT, 'vite.config.ts'),
  logLevel: 'warn',
  build: { outDir: half }
})
await addWorker()
for (const name of globSync('**/*.*', { cwd: half })) {
  if (name.endsWith('.png')) continue
  const content = readFileSync(join(half, name))
  if (content.length < LEAST_BYTES) continue
  writeFileSync(join(half, `${name}.gz`), gzipSync(content, { level: 9 }))
  writeFileSync(join(half, `${name}.br`), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
}
writeFileSync(join(half, 'sources'), process.argv[2] ?? '')
rmSync(BUILT, { recursive: true, force: true })
renameSync(half, BUILT)

/** Adds the service worker, which keeps the files of the build, and the id of the build, which changes with any of them, to the page. */
async function addWorker(): Promise<void> {
  const names = globSync('**/*.*', { cwd: half }).sort()
  // The other files at the root are for those who install the application, and ask the gateway.
  const files = ['./', 'icon-192.png', ...names.filter((name) => name.startsWith('assets/'))]
  const hash = createHash('sha256').update(await workerCode({ build: '', files }))
  for (const name of names) hash.update(name).update(readFileSync(join(half, name)))
  const id = hash.digest('base64url').slice(0, 16)
  const page = join(half, 'index.html')
  writeFileSync(page, readFileSync(page, 'utf8').replace('<head>', `<head>\n    <meta name="build" content="${id}">`))
  writeFileSync(join(half, 'worker.js'), await workerCode({ build: id, files }))
}

async function workerCode(shell: ShellBuild): Promise<string> {
  const bundle = await rolldown({
    input: join(ROOT, 'public', 'worker', 'worker.ts'),
    platform: 'browser',
    transform: { define: { SHELL: JSON.stringify(shell) } }
  })
  try {
    return (await bundle.generate({ format: 'iife', minify: true })).output[0].code
  } finally {
    await bundle.close()
  }
}
