import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LockFile, lockedPackages } from './lock-file.ts'

/**
 * Adds the missing integrity hashes to `package-lock.json`. npm writes hashes for packages that it downloads, but not for those that
 * it found in `node_modules` when it made the entry, and it never adds them later. Asks npm for a lock file of exactly these versions
 * and copies the hashes. Changes nothing when none is missing.
 */
const file = fileURLToPath(new URL('./package-lock.json', import.meta.resolve('#package.json')))
const lock = JSON.parse(readFileSync(file, 'utf8')) as LockFile
const missing = lockedPackages(lock).filter((entry) => !entry.integrity)

if (missing.length > 0) {
  const found = hashes(missing.map(({ name, version }) => `npm:${name}@${version}`))
  for (const [index, { path }] of missing.entries()) {
    const { version, ...rest } = lock.packages[path]!
    // Where npm puts it: after the version.
    lock.packages[path] = { version, integrity: found[index]!, ...rest }
  }
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
}
process.stdout.write(`package-lock.json: ${missing.length} integrity hashes added\n`)

/** Integrity hashes that the registry states for these package specifiers, in their order. */
function hashes(specifiers: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'flynn-lock-'))
  try {
    const dependencies = Object.fromEntries(specifiers.map((specifier, index) => [`p${index}`, specifier]))
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'lock', version: '0.0.0', dependencies }))
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    execFileSync('npm', ['install', '--package-lock-only', '--legacy-peer-deps', ...quiet], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit']
    })
    const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as LockFile
    return specifiers.map((specifier, index) => {
      const hash = packages[`node_modules/p${index}`]?.integrity
      if (!hash) throw new Error(`The registry states no integrity hash for ${specifier}.`)
      return hash
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
