import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { access, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { writeBundles } from '../../scripts/client/bundle.ts'

const ROOT = fileURLToPath(new URL('.', import.meta.resolve('#package.json')))
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
const run = promisify(execFile)

const PLUGIN = `
import { type Channel } from 'flynn-gateway/channels'
import { type Model, type Provider } from 'flynn-gateway/providers'
import { ConfigError, OwnLog, serve } from 'flynn-gateway/server'
import { type Tool } from 'flynn-gateway/tools'
import { gatewayPlugin, type Check, type Command, type Config, type Finding, type GatewayInstance, type PluginStore } from 'flynn-gateway/types'
export type Parts = [Channel, Check, Command, Config, Finding, Model, PluginStore, Provider, Tool, ConfigError, OwnLog, typeof serve]
declare module 'flynn-gateway/types' {
  interface GatewayDecorators { weather: { today(): string } }
}
export const plugin = gatewayPlugin({ name: 'weather', dependencies: ['db', 'canvas'] }, async (app) => {
  const run = await app.db.runs.get('run')
  const tokens: number | undefined = run?.inputTokens
  const revision: string = await app.db.plugin('weather').set('tokens', tokens ?? null)
  app.decorate('weather', { today: () => revision })
})
export const today = (app: GatewayInstance): string => app.weather.today()
// @ts-expect-error: no such store
export const missing = (app: GatewayInstance) => app.db.nothing
`

const HOST = `
import Fastify from 'fastify'
import gateway from 'flynn-gateway'
const host = Fastify()
await host.register(gateway, { prefix: '/agent', config: { server: { port: 18800 } } })
const { total } = await host.gateway.db.sessions.list({ limit: 1, offset: 0 })
export const sessions: number = total
// @ts-expect-error: no such decorator
export const missing = host.gateway.nothing
`

const BAD_START = `
import { ConfigError, serve } from 'flynn-gateway/server'
await serve({ config: process.argv[2] }, {}).catch((error) => console.log(error instanceof ConfigError))
await serve({ config: process.argv[2] }, {})
`

const CJS_HOST = `
const assert = require('node:assert/strict')
const Fastify = require('fastify')
const gateway = require('flynn-gateway')
const { connect } = require('flynn-gateway/client')
for (const entry of Object.keys(require('flynn-gateway/package.json').exports)) {
  if (!entry.endsWith('.json')) assert.ok(Object.keys(require('flynn-gateway' + entry.slice(1))).length > 0, entry)
}
async function main() {
  const host = Fastify()
  await host.register(gateway, { config: { data_dir: process.argv[2] } })
  await host.listen({ port: 0, host: '127.0.0.1' })
  const client = connect('ws://127.0.0.1:' + host.server.address().port)
  client.connect()
  const { content } = await client.session('cli:me').send('say hello')
  await client.close()
  await host.close()
  console.log(content)
}
main()
`

const ESM_CLIENT = `
import { connect } from 'flynn-gateway/client'
import { createCompanion } from 'flynn-gateway/companion'
import gateway from 'flynn-gateway'
console.log(typeof connect, typeof createCompanion, typeof gateway)
`

/** Problems of `@arethetypeswrong/cli --profile esm-only`: the floor, Node.js 22.18, reads `exports` and requires ES modules. */
const isAboutOlderNode = ({ kind, resolutionKind }: { kind: string; resolutionKind?: string }): boolean =>
  kind === 'CJSResolvesToESM' || (kind === 'NoResolution' && resolutionKind === 'node10')

/** Folder of a program that has installed the package, and the tarball. */
let folder: string
let tarball: Buffer

/** Builds and packs the package once, as `npm run build && npm pack` do, and installs it beside the packages it depends on. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flynn-consumer-'))
  const build = join(folder, 'build')
  await mkdir(build)
  const { version, files, dependencies, peerDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const others = [...new Set<string>(files.map((file: string) => file.split('/')[0]))].filter((name) => name !== 'dist')
  for (const name of [...others, 'package.json', 'README.md', 'LICENSE']) await symlink(join(ROOT, name), join(build, name))
  await run(process.execPath, [TSC, '-p', join(ROOT, 'tsconfig.build.json'), '--noCheck', '--outDir', join(build, 'dist')])
  await writeBundles(join(build, 'dist'))
  // npm packs no symlinks.
  await run('cp', ['-RL', build, join(folder, 'packed')])
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: join(folder, 'packed') })
  const file = join(folder, `flynn-gateway-${version}.tgz`)
  tarball = await readFile(file)

  const modules = join(folder, 'node_modules')
  for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), '@types/node']) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
  await mkdir(join(modules, 'flynn-gateway'))
  await run('tar', ['-xzf', file, '-C', join(modules, 'flynn-gateway'), '--strip-components=1'])
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
})
after(() => rm(folder, { recursive: true, force: true }))

test('publint and arethetypeswrong find nothing', async () => {
  const { messages, pkg } = await publint({ pack: { tarball: Uint8Array.from(tarball).buffer } })
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    []
  )
  const { problems } = (await checkPackage(createPackageFromTarballData(tarball))) as { problems: { kind: string }[] }
  assert.deepEqual(
    problems.filter((problem) => !isAboutOlderNode(problem)),
    []
  )
})

test('relative links of the documents stay inside the package, and no file is a map without its source', async () => {
  const own = join(folder, 'node_modules', 'flynn-gateway')
  const missing: string[] = []
  for await (const file of glob('**/*.md', { cwd: own })) {
    const text = await readFile(join(own, file), 'utf8')
    for (const [, link = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const target = join(own, dirname(file), link)
      if (!(await exists(target))) missing.push(`${file}: ${relative(own, target)}`)
    }
  }
  assert.deepEqual(missing, [])
  for await (const map of glob('**/*.map', { cwd: own })) assert.fail(map)
})

test('CommonJS and ES modules both use it', async () => {
  await writeFile(join(folder, 'host.cjs'), CJS_HOST)
  await writeFile(join(folder, 'client.js'), ESM_CLIENT)
  const { stdout } = await run(process.execPath, ['host.cjs', join(folder, 'data')], { cwd: folder })
  assert.equal(stdout, 'hello\n')
  assert.equal((await run(process.execPath, ['client.js'], { cwd: folder })).stdout, 'function function function\n')
})

test('a start that fails throws a ConfigError, which a program that does not catch it shows', async () => {
  await writeFile(join(folder, 'start.js'), BAD_START)
  const { stdout, stderr, code } = await run(process.execPath, ['start.js', join(folder, 'missing.yaml')], { cwd: folder }).catch(
    (failure) => failure
  )
  assert.deepEqual([stdout, code], ['true\n', 1])
  assert.match(stderr, /ConfigError: .*\n.*missing\.yaml: cannot be read/)
})

test('npm create flynn-plugin writes a plugin whose types and tests pass', async () => {
  const create = (...args: string[]) => run(process.execPath, [join(ROOT, 'create', 'index.js'), ...args], { cwd: folder })
  const { stdout } = await create('flynn-rain-radar')
  assert.match(stdout, /^Wrote flynn-rain-radar\. Next:/)
  const cwd = join(folder, 'flynn-rain-radar')
  assert.match(await readFile(join(cwd, 'index.ts'), 'utf8'), /name: 'rainradar\.greet'/)
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  await run(process.execPath, [TSC], { cwd })
  const tests = await run(process.execPath, ['--test', '--test-reporter=tap', 'index.test.ts'], { cwd, env })
  assert.match(tests.stdout, /# pass 5\n# fail 0/)
  // What it publishes is loaded by its name.
  assert.ok(await exists(join(cwd, 'dist', 'index.d.ts')))

  for (const [args, code, says] of [
    [[], 2, /^Usage: npm create flynn-plugin <name>/],
    [['../x'], 2, /^Usage/],
    [['flynn-rain-radar'], 1, /exists already/]
  ] as const) {
    const failure = await create(...args).catch((failure) => failure)
    assert.equal(failure.code, code)
    assert.match(failure.stderr, says)
  }
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const { peerDependencies } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'))
  assert.deepEqual(peerDependencies, { 'flynn-gateway': `^${version}` })
})

test('the types of the package compile for plugins and hosts that check their libraries', async () => {
  const compile = async (...options: string[]) =>
    await run(process.execPath, [TSC, ...options], { cwd: folder, maxBuffer: 16 * 1024 * 1024 }).then(
      ({ stdout }) => stdout,
      ({ stdout }) =>
        assert.fail(
          stdout
            .split('\n')
            .filter((line: string) => line.includes('error'))
            .slice(0, 10)
            .join('\n')
        )
    )
  await writeFile(join(folder, 'plugin.ts'), PLUGIN)
  await writeFile(join(folder, 'host.ts'), HOST)

  const strict = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--target',
    'es2023',
    '--lib',
    'es2023',
    '--types',
    'node',
    '--listFiles'
  ]
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['preserve', 'bundler']
  ] as const) {
    // Apart, because the one must not see what only the other imports.
    for (const file of ['plugin.ts', 'host.ts']) {
      const files = await compile(...strict, '--module', module, '--moduleResolution', resolution, file)
      assert.match(files, /flynn-gateway\/dist\/plugins\/canvas\//)
      assert.deepEqual(
        files.match(/^.*\/node_modules\/(?:drizzle-orm|better-sqlite3|@types\/(?:better-sqlite3|pg)|pg)\/.*$/gm),
        null
      )
    }
  }
})

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false
  )
}
