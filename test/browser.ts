import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium, type LaunchOptions, type Page } from 'playwright-core'

/** As root there is no sandbox to be had. The others keep the browser from asking the outside world for anything. */
const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-pings'
]

/** An empty page in a real Chromium, with a profile of its own, which can have more pages; closed when the test ends. */
export async function launch(t: Pick<TestContext, 'after'>): Promise<Page> {
  const browser = await chromium.launch({ ...(await program()), args: FLAGS })
  t.after(() => browser.close())
  return (await browser.newContext()).newPage()
}

/** On Linux the Chromium that an npm package carries, so that no machine needs one; elsewhere an installed Chrome. */
async function program(): Promise<LaunchOptions> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { channel: 'chrome' }
  const folder = await unpacked()
  return {
    executablePath: join(folder, 'chromium'),
    env: {
      ...process.env,
      // NSS and expat, which a small machine or container does not have.
      LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(folder, 'fonts.conf')
    }
  }
}

/**
 * The package unpacks into the shared temporary folder, under fixed names, and takes what it finds there: a half of a browser
 * from a run that was killed, or a program that somebody else put there. So it unpacks into a folder that is ours, in a process
 * of its own because it finds out where from its environment; and the folder gets its final name when it is complete.
 */
async function unpacked(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@sparticuz/chromium'))
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8')) as { version: string }
  const modules = fileURLToPath(new URL('./node_modules/', import.meta.resolve('#package.json')))
  const folder = join(modules, `.chromium-${version}`)
  if (existsSync(folder)) return folder

  const half = mkdtempSync(join(modules, '.chromium-'))
  try {
    const unpack = `import chromium from '@sparticuz/chromium'; await chromium.executablePath()`
    // On Lambda, and only there, the package unpacks the shared libraries too.
    const env = { ...process.env, TMPDIR: half, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' }
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', unpack], { cwd: modules, env })
    writeFileSync(join(half, 'fonts.conf'), fontsConfig(folder))
    renameSync(half, folder)
  } catch (error) {
    // Another test file may have been faster; then its folder is as good.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
  return folder
}

/** The fonts of the package, and no others: pages look the same on every machine. */
function fontsConfig(folder: string): string {
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>
`
}
