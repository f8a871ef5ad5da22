import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type LockFile, lockedPackages } from '../../scripts/lock-file.ts'

/** The real script, with the real npm, on a small project whose packages come from a registry on loopback. */

const repo = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))
const scripts = JSON.parse(readFileSync(join(repo, 'package.json'), 'utf8')).scripts as Record<string, string>
const script = readFileSync(join(repo, 'scripts/setup.mjs'), 'utf8')
/** The Node.js that setup brings along for this platform. */
const [, broughtName = '', broughtVersion = '', broughtIntegrity = ''] =
  new RegExp(`'${process.platform}-${process.arch}': {\\s+name: '(.+)',\\s+version: '(.+)',\\s+integrity: '(.+)'`).exec(script) ??
  []

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

test('every locked package has an integrity hash', () => {
  const lock = JSON.parse(readFileSync(join(repo, 'package-lock.json'), 'utf8')) as LockFile
  const without = lockedPackages(lock).filter(({ integrity }) => !integrity?.startsWith('sha512-'))
  assert.deepEqual(
    without.map(({ path }) => path),
    [],
    'run `npm run lock` and commit package-lock.json'
  )
})

test('workflows name each action by its commit', () => {
  const folder = join(repo, '.github/workflows')
  const used = readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), 'utf8').match(/uses: .*/g) ?? [])
  assert.ok(used.length >= 4)
  for (const line of used) assert.match(line, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d/)
})

test('the image gets each file that its build copies', () => {
  const sent = readFileSync(join(repo, '.dockerignore'), 'utf8').split('\n')
  const copied = Array.from(readFileSync(join(repo, 'Dockerfile'), 'utf8').matchAll(/^COPY (?!--from)(.*) \S+$/gm), ([, files]) =>
    files!.split(' ')
  ).flat()
  assert.ok(copied.length > 10)
  for (const file of copied) {
    assert.ok(existsSync(join(repo, file)), file)
    assert.ok(sent.includes(`!${file.split('/')[0]}`), `.dockerignore leaves ${file} out`)
  }
})

test('a fresh clone is made ready, and once it is, setup says nothing and does not even need npm', async (t) => {
  const project = await makeProject(t)
  const first = await project.setup()
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stderr, /Installing the packages/)
  assert.deepEqual(project.installed(), { plain: '1.0.0', tooling: '1.0.0' })

  assert.deepEqual(await project.setup([], { PATH: '' }), { code: 0, stdout: '', stderr: '' })
})

test('a changed lock file is followed, also when the first try was killed half way', async (t) => {
  const project = await makeProject(t)
  await project.setup()
  project.lock('2.0.0')

  const asked = project.hold('/plain/-/plain-2.0.0.tgz')
  const killed = project.start(process.execPath, ['scripts/setup.mjs'])
  const dead = once(killed, 'close')
  await asked
  process.kill(-killed.pid!, 'SIGKILL')
  await dead
  project.release()

  const second = await project.setup()
  assert.equal(second.code, 0, second.stderr)
  assert.deepEqual(project.installed(), { plain: '2.0.0', tooling: '1.0.0' })
})

test('several at once install once, and a lock left by a dead one stops nobody', async (t) => {
  const project = await makeProject(t)
  const dead = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(dead, 'close')
  writeFileSync(join(project.folder, '.setup.lock'), String(dead.pid))

  const runs = await Promise.all([project.setup(), project.setup(), project.setup()])
  assert.deepEqual(
    runs.map((run) => run.code),
    [0, 0, 0]
  )
  assert.equal(runs.filter((run) => run.stderr.includes('Installing')).length, 1)
  assert.deepEqual(project.installed(), { plain: '1.0.0', tooling: '1.0.0' })
  assert.ok(!existsSync(join(project.folder, '.setup.lock')))
})

test('on a Node.js that is too old, npm start brings one along and runs the server on it', async (t) => {
  const project = await makeProject(t, { floor: '>=99.0' })
  const run = await project.run('npm', ['start'])
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stderr, /older than this project needs \(>=99\.0\)/)
  assert.match(run.stdout, /^brought along: --disable-sigusr1 --max-semi-space-size=4 cli\.ts$/m)
  assert.equal((await project.setup()).stderr, '')

  await project.run('npm', ['install'])
  assert.ok(existsSync(join(project.folder, 'node_modules/.bin/node')), 'npm install leaves it alone')

  const manifest = join(project.folder, 'node_modules/.node/node_modules', broughtName, 'package.json')
  writeFileSync(manifest, JSON.stringify({ version: '24.0.0' }))
  assert.match((await project.setup()).stderr, /installing/, 'another version than the one asked for is replaced')
})

test('a Node.js from npm that does not run here is reported, not used', async (t) => {
  const project = await makeProject(t, { floor: '>=99.0', broken: true })
  const run = await project.setup()
  assert.equal(run.code, 1)
  assert.match(run.stderr, /does not run on this machine .*Install Node\.js >=99\.0 by hand/)
  assert.ok(!existsSync(join(project.folder, 'node_modules/.bin/node')))
})

test('a Node.js whose hash differs from the pinned one is not installed', async (t) => {
  const project = await makeProject(t, { floor: '>=99.0', pinned: broughtIntegrity })
  const run = await project.setup()
  assert.equal(run.code, 1)
  assert.match(run.stderr, /EINTEGRITY[\s\S]*npm ci failed/)
  assert.ok(!existsSync(join(project.folder, 'node_modules/.bin/node')))
})

test('without npm, and without its registry, the error says what is missing', async (t) => {
  const project = await makeProject(t)
  const noNpm = await project.setup([], { PATH: '' })
  assert.equal(noNpm.code, 1)
  assert.match(noNpm.stderr, /npm is not in the PATH/)

  await project.closeRegistry()
  const offline = await project.setup()
  assert.equal(offline.code, 1)
  assert.match(offline.stderr, /npm ci failed .* needs the npm registry/)
  assert.ok(!existsSync(join(project.folder, '.setup.lock')))
})

async function makeProject(t: TestContext, { floor = '>=18.0', broken = false, pinned = '' } = {}) {
  const home = mkdtempSync(join(tmpdir(), 'flynn-setup-'))
  const registry = await makeRegistry(home, broken)
  const folder = join(home, 'project')
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    npm_config_registry: registry.url,
    npm_config_cache: join(home, 'cache'),
    npm_config_fetch_retries: '0'
  }
  const children = new Set<ChildProcess>()
  t.after(async () => {
    for (const child of children) if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL')
    await registry.close()
    rmSync(home, { recursive: true, force: true })
  })

  function lock(plain: string): void {
    const needs = { dependencies: { plain }, devDependencies: { tooling: '1.0.0' } }
    const project = { name: 'clone', version: '1.0.0', engines: { node: floor }, ...needs }
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...project, scripts: { start: scripts.start } }))
    const packages = {
      '': project,
      'node_modules/plain': { version: plain, integrity: registry.integrity('plain', plain) },
      'node_modules/tooling': { version: '1.0.0', integrity: registry.integrity('tooling', '1.0.0'), dev: true }
    }
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ name: 'clone', lockfileVersion: 3, packages }))
  }

  /** In a process group of its own, so that it can be killed with what it started. */
  function start(command: string, args: string[], extra: Record<string, string> = {}): ChildProcess {
    const child = spawn(command, args, {
      cwd: folder,
      env: { ...env, ...extra },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    children.add(child)
    return child
  }

  async function run(command: string, args: string[], extra?: Record<string, string>): Promise<Run> {
    const child = start(command, args, extra)
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text) => (output[name] += text))
    const [code] = await once(child, 'close')
    return { code, ...output }
  }

  mkdirSync(join(folder, 'scripts'), { recursive: true })
  const integrity = pinned || registry.integrity(broughtName, broughtVersion)
  writeFileSync(join(folder, 'scripts/setup.mjs'), script.replace(broughtIntegrity, integrity))
  lock('1.0.0')
  return {
    folder,
    start,
    run,
    lock,
    hold: registry.hold,
    release: registry.release,
    closeRegistry: registry.close,
    setup: (args: string[] = [], extra?: Record<string, string>) => run(process.execPath, ['scripts/setup.mjs', ...args], extra),
    installed: () => ({ plain: version('plain'), tooling: version('tooling') })
  }

  function version(name: string): string | undefined {
    const manifest = join(folder, 'node_modules', name, 'package.json')
    return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined
  }
}

/** What npm needs of a registry: a document for each package, and its tarballs. */
async function makeRegistry(home: string, broken: boolean) {
  const tarballs = new Map<string, Buffer>()
  const documents = new Map<string, { name: string; versions: Record<string, object> }>()
  let held: { path: string; asked: () => void } | undefined

  const server = createServer((request, response) => {
    if (request.url === held?.path) return held?.asked()
    const tarball = tarballs.get(request.url ?? '')
    const document = documents.get((request.url ?? '').slice(1))
    if (tarball) response.end(tarball)
    else if (document) response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
    else response.writeHead(404).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  function publish(name: string, version: string, files: Record<string, string> = {}, manifest: object = {}): void {
    const folder = mkdtempSync(join(home, 'pack-'))
    for (const [path, text] of Object.entries({ 'package.json': JSON.stringify({ name, version, ...manifest }), ...files })) {
      mkdirSync(join(folder, 'package', path, '..'), { recursive: true })
      writeFileSync(join(folder, 'package', path), text, { mode: 0o755 })
    }
    const path = `/${name}/-/${name}-${version}.tgz`
    tarballs.set(path, execFileSync('tar', ['-cz', '-C', folder, 'package']))
    const dist = { tarball: `${url}${path}`, integrity: integrity(name, version) }
    const versions = { ...documents.get(name)?.versions, [version]: { name, version, ...manifest, dist } }
    documents.set(name, { name, versions })
  }

  function integrity(name: string, version: string): string {
    const tarball = tarballs.get(`/${name}/-/${name}-${version}.tgz`)
    assert.ok(tarball)
    return `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  }

  publish('plain', '1.0.0')
  publish('plain', '2.0.0')
  publish('tooling', '1.0.0')
  const answer = broken ? 'exit 127' : `[ "$1" = --version ] && echo v${broughtVersion} || echo "brought along: $*"`
  publish(broughtName, broughtVersion, { 'bin/node': `#!/bin/sh\n${answer}\n` }, { bin: { node: 'bin/node' } })

  return {
    url,
    integrity,
    /** Resolves when `path` is asked for; that request stays without an answer. */
    hold: (path: string) => new Promise<void>((asked) => (held = { path, asked })),
    release: () => {
      held = undefined
    },
    close: async () => {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
}
