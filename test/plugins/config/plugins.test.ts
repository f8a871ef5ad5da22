// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables in the file look like that
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Fastify from 'fastify'
import gateway from '../../../app.ts'
import { loadConfig } from '../../../plugins/config/parse/load.ts'
import { folder } from './folder.ts'

/** Starts a gateway with this file and these modules; answers its instance, closed after the test. */
async function start(t: TestContext, yaml: string, files: Record<string, string>, env: Record<string, string> = {}) {
  const cwd = await folder(t)
  for (const [name, content] of Object.entries({ 'flynn.yaml': yaml, ...files })) {
    await mkdir(join(cwd, name, '..'), { recursive: true })
    await writeFile(join(cwd, name), content)
  }
  const host = Fastify()
  t.after(() => host.close())
  await host.register(gateway, { config: await loadConfig({ cwd, env }) })
  await host.ready()
  return host.gateway
}

async function problem(t: TestContext, yaml: string, files: Record<string, string>): Promise<string> {
  return await start(t, yaml, files).then(
    () => 'started',
    (error: Error) => error.message
  )
}

const WEATHER = `
import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from 'flynn-gateway/types'

const options = Type.Object({ units: Type.Union([Type.Literal('metric'), Type.Literal('imperial')], { default: 'metric' }), api_key: Type.String() })

export default gatewayPlugin({ name: 'weather', options, dependencies: ['tools'] }, async (app, { units, api_key: key }: { units: string; api_key: string }) => {
  app.decorate('weather' as never, { units, key } as never)
})
`

test('a plugin file without node_modules is loaded with its options', async (t) => {
  const yaml = 'plugins:\n  - module: ./plugins/weather.ts\n    options: { api_key: "${KEY}" }\n'
  const app = await start(t, yaml, { 'plugins/weather.ts': WEATHER }, { KEY: 'secret-9d1f' })
  assert.deepEqual((app as unknown as { weather: object }).weather, { units: 'metric', key: 'secret-9d1f' })
  assert.ok(!JSON.stringify(app.configStore.shown()).includes('secret-9d1f'))
})

test('packages beside the configuration are loaded, ESM and CommonJS', async (t) => {
  const loaded: string[] = []
  const seen = (globalThis as { flynnLoaded?: string[] }).flynnLoaded
  assert.equal(seen, undefined)
  ;(globalThis as { flynnLoaded?: string[] }).flynnLoaded = loaded
  t.after(() => {
    delete (globalThis as { flynnLoaded?: string[] }).flynnLoaded
  })
  const esm = { name: 'one', type: 'module', exports: { import: './index.js' } }
  await start(t, 'plugins: [one, { module: "@me/two", options: { n: 2 } }]\n', {
    'node_modules/one/package.json': JSON.stringify(esm),
    'node_modules/one/index.js': 'export default async () => { globalThis.flynnLoaded.push("one") }',
    'node_modules/@me/two/package.json': '{"name":"@me/two","main":"index.cjs"}',
    'node_modules/@me/two/index.cjs': 'module.exports = async (app, { n }) => { globalThis.flynnLoaded.push(`two ${n}`) }'
  })
  assert.deepEqual(loaded, ['one', 'two 2'])
})

for (const [name, yaml, files, expected] of [
  [
    'a missing file',
    'plugins:\n  - ./none.ts\n',
    {},
    /flynn\.yaml:2:5 plugins\[0\] plugin \.\/none\.ts cannot be loaded: Cannot find module/
  ],
  [
    'a missing package',
    'plugins: [no-such-plugin]\n',
    {},
    /flynn\.yaml:1:11 plugins\[0\] plugin no-such-plugin cannot be loaded: Cannot find package 'no-such-plugin'/
  ],
  [
    'a syntax error',
    'plugins: [./bad.mjs]\n',
    { 'bad.mjs': 'export default async () => {\n  const = 1\n}\n' },
    /flynn\.yaml:1:11 plugins\[0\] plugin \.\/bad\.mjs cannot be loaded: Unexpected token '=' \(.*bad\.mjs:2\)/
  ],
  [
    'no default export',
    'plugins: [./none.mjs]\n',
    { 'none.mjs': 'export const a = 1\n' },
    /cannot be loaded: its default export must be a function/
  ],
  [
    'a plugin that rejects',
    'plugins:\n  - ./rejects.mjs\n',
    { 'rejects.mjs': 'export default async () => { throw new Error("no weather today") }\n' },
    /^flynn\.yaml:2:5 plugins\[0\] plugin \.\/rejects\.mjs failed to start: no weather today$/
  ],
  [
    'options that the schema refuses',
    'plugins:\n  - module: ./weather.ts\n    options:\n      units: kelvin\n      colour: red\n',
    { 'weather.ts': WEATHER },
    /flynn\.yaml:4:14 plugins\[0\]\.options\.units must be one of "metric", "imperial", got "kelvin" \(plugin \.\/weather\.ts\)/
  ],
  ['a wrong entry', 'plugins: [{ modul: x }]\n', {}, /flynn\.yaml:1:13 plugins\[0\]\.modul is not known; did you mean module\?/]
] as const) {
  test(`${name} stops the start with its place`, async (t) => {
    assert.match(await problem(t, yaml, files), expected)
  })
}

test('FLYNN_PLUGINS lists modules', async (t) => {
  const cwd = await folder(t)
  const { plugins } = await loadConfig({ cwd, env: { FLYNN_PLUGINS: './a.ts,b' } })
  assert.deepEqual(plugins, [
    { module: join(cwd, 'a.ts'), options: {} },
    { module: 'b', options: {} }
  ])
})
