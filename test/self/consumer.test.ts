import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('.', import.meta.resolve('#package.json')))
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

const PLUGIN = `
import { gatewayPlugin, type GatewayInstance } from 'flynn-gateway/types'
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

test('the types of the package compile for plugins and hosts that check their libraries', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flynn-consumer-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const modules = join(folder, 'node_modules')
  const own = join(modules, 'flynn-gateway')
  const { dependencies, peerDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), '@types/node']) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
  const compile = async (...options: string[]) =>
    await promisify(execFile)(process.execPath, [TSC, ...options], { cwd: folder, maxBuffer: 16 * 1024 * 1024 }).then(
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
  await compile('-p', join(ROOT, 'tsconfig.build.json'), '--emitDeclarationOnly', '--noCheck', '--outDir', join(own, 'dist'))
  await cp(join(ROOT, 'package.json'), join(own, 'package.json'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
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
