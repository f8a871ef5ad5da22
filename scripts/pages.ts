// Builds the dashboard into dist/public, compressed as well: node scripts/pages.ts [DIGEST OF THE SOURCES]
import { globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'

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
for (const name of globSync('**/*.*', { cwd: half })) {
  const content = readFileSync(join(half, name))
  if (content.length < LEAST_BYTES) continue
  writeFileSync(join(half, `${name}.gz`), gzipSync(content, { level: 9 }))
  writeFileSync(join(half, `${name}.br`), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
}
writeFileSync(join(half, 'sources'), process.argv[2] ?? '')
rmSync(BUILT, { recursive: true, force: true })
renameSync(half, BUILT)
