// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is what a variable in the file looks like
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { KindGuard, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { Origins } from '../../../plugins/auth/origin.ts'
import type { Config, ConfigInput } from '../../../plugins/config/index.ts'
import { ConfigError } from '../../../plugins/config/index.ts'
import { variableOf } from '../../../plugins/config/parse/environment.ts'
import { loadConfig, resolveConfig } from '../../../plugins/config/parse/load.ts'
import { camelCase } from '../../../plugins/config/parse/names.ts'
import { ConfigSchema } from '../../../plugins/config/schema.ts'
import { PROVIDERS } from '../../../plugins/config/sections/models.ts'
import { rounds } from '../../rounds.ts'
import { folder } from './folder.ts'

// The same inputs each time: among those made anew one in some ten thousand took minutes, and which is not known yet.
fc.configureGlobal({ seed: 20_261_122 })

type Plain = Record<string, unknown>

/** Valid values for a schema; objects with any of their keys, but with all that must be there. */
function valid(schema: TSchema): fc.Arbitrary<unknown> {
  if (KindGuard.IsObject(schema)) {
    const required = Object.entries(schema.properties).filter(
      ([, part]) => !KindGuard.IsOptional(part) && part.default === undefined && !KindGuard.IsObject(part)
    )
    const parts = Object.fromEntries(Object.entries(schema.properties).map(([key, part]) => [key, valid(part)]))
    return fc.record(parts, { requiredKeys: required.map(([key]) => key), noNullPrototype: true })
  }
  if (KindGuard.IsRecord(schema)) {
    const [[pattern, part]] = Object.entries(schema.patternProperties) as [[string, TSchema]]
    const key = fc.stringMatching(new RegExp(pattern), { maxLength: 40 }).filter((name) => !(name in {}) && name !== 'prototype')
    return fc.dictionary(key, valid(part), {
      maxKeys: 3,
      noNullPrototype: true
    })
  }
  if (KindGuard.IsArray(schema)) return fc.array(valid(schema.items), { minLength: schema.minItems ?? 0, maxLength: 4 })
  if (KindGuard.IsUnion(schema)) return fc.constantFrom(...schema.anyOf.map((option) => option.const as string))
  if (KindGuard.IsInteger(schema)) return fc.integer({ min: Number(schema.minimum), max: Number(schema.maximum) })
  if (KindGuard.IsNumber(schema))
    return fc
      .integer({ min: Math.ceil(Number(schema.minimum) * 10), max: Math.min(Number(schema.maximum) * 10, 10_000) })
      .map((tenths) => tenths / 10)
  if (KindGuard.IsBoolean(schema)) return fc.boolean()
  if (schema.network) return fc.constantFrom('loopback', '2', '10.0.0.0/8', '192.0.2.1', '2001:db8::/32')
  if (schema.module) return fc.constantFrom('a-plugin', '@me/another')
  if (schema.path) return fc.constantFrom('/var/x', 'var/x', '../x', './a b')
  if (schema.pattern === '\\S')
    return fc
      .oneof(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: 'grapheme' }), fc.constant('${A} $${B}'))
      .filter((text) => /\S/.test(text) && !text.includes('\0') && !(schema.secret && isMangled(text)))
  if (schema.url) return fc.webAuthority({ withIPv4: true, withIPv6: true, withPort: true }).map((host) => `https://${host}`)
  return schema.pattern
    ? fc
        .stringMatching(new RegExp(schema.pattern), { maxLength: 64 })
        .filter((text) => !/[^\x20-\x7e]/.test(text) && !(schema.secret && isMangled(text)))
    : fc.string()
}

/** Refused as a secret: white space around it, control characters, the name of a variable. */
function isMangled(text: string): boolean {
  return text !== text.trim() || /\p{Cc}/u.test(text) || /^\$\{?\w+\}?$/.test(text)
}

// An entry of `plugins` without options gets the default inside a list, which the comparison below does not know.
const { models: Models, plugins: _, ...sections } = ConfigSchema.properties
const Tier = Object.values(Models.patternProperties)[0]!
const Provider = Object.values(Tier.patternProperties)[0]!

const provider = valid(Provider).map((content) => ({ model: 'm', base_url: 'http://127.0.0.1', ...(content as Plain) }))
const tier = fc
  .tuple(
    fc.subarray([...PROVIDERS], { minLength: 1 }),
    fc.array(provider, { minLength: PROVIDERS.length, maxLength: PROVIDERS.length })
  )
  .map(([names, contents]) => Object.fromEntries(names.map((name, index) => [name, contents[index]])))
const models = fc.option(
  fc
    .tuple(tier, fc.dictionary(fc.constantFrom('fast', 'very_fast', 'a-b', 'gpt4.1', 'camelCase'), tier))
    .map(([first, others]) => ({ default: first, ...others })),
  { nil: undefined }
)

/** MCP servers, each of which is said to be in one place only. */
function inOnePlace(servers: Record<string, Plain>): Plain {
  const fixed = Object.entries(servers).map(([name, { url, headers = {}, ...program }]) => [
    name,
    url === undefined ? { command: 'x', ...program } : { url, headers }
  ])
  return Object.fromEntries(fixed)
}

/** Whole configurations in the file's names, of which only what no single key can get wrong has been put right. */
const configuration = fc
  .record(
    { ...Object.fromEntries(Object.entries(sections).map(([key, part]) => [key, valid(part)])), models },
    { requiredKeys: ['server', 'models'] as never[], noNullPrototype: true }
  )
  .map((content): Plain => {
    const { models, server, tools, ...rest } = content as unknown as {
      models?: Plain
      server: Plain & { tokens?: Plain[] }
      tools?: Plain & { mcp?: Record<string, Plain> }
    }
    const tokens = server.tokens?.map((token, index) => ({
      ...token,
      name: `${token.name}`.slice(0, 50) + index,
      token: `${token.token}${index}`
    }))
    const { token, ...open } = server
    return {
      ...rest,
      ...(tools && { tools: { ...tools, ...(tools.mcp && { mcp: inOnePlace(tools.mcp) }) } }),
      ...(models && { models }),
      server: { ...open, ...(token !== undefined && { token: `${token}-` }), ...(tokens && { tokens }), host: '127.0.0.1' }
    }
  })

/** The same in the program's names. Led by the schema: tiers and providers keep theirs. */
function inCamelCase(schema: TSchema, value: unknown): unknown {
  if (KindGuard.IsObject(schema)) {
    return Object.fromEntries(
      Object.entries(value as Plain).map(([key, part]) => [camelCase(key), inCamelCase(schema.properties[key]!, part)])
    )
  }
  if (KindGuard.IsRecord(schema)) {
    const part = Object.values(schema.patternProperties)[0]!
    return Object.fromEntries(Object.entries(value as Plain).map(([key, content]) => [key, inCamelCase(part, content)]))
  }
  return KindGuard.IsArray(schema) ? (value as unknown[]).map((item) => inCamelCase(schema.items, item)) : value
}

/** Back into the file's names. */
function inSnakeCase(schema: TSchema, value: unknown): unknown {
  if (KindGuard.IsObject(schema)) {
    const keys = Object.keys(schema.properties).filter((key) => (value as Plain)[camelCase(key)] !== undefined)
    assert.equal(keys.length, Object.keys(value as Plain).length, 'a key that the schema does not know')
    return Object.fromEntries(keys.map((key) => [key, inSnakeCase(schema.properties[key]!, (value as Plain)[camelCase(key)])]))
  }
  if (KindGuard.IsRecord(schema)) {
    const part = Object.values(schema.patternProperties)[0]!
    return Object.fromEntries(Object.entries(value as Plain).map(([key, content]) => [key, inSnakeCase(part, content)]))
  }
  return KindGuard.IsArray(schema) ? (value as unknown[]).map((item) => inSnakeCase(schema.items, item)) : value
}

const asInput = (value: unknown) => value as ConfigInput

/** Runs `load`; a `ConfigError` is an answer, anything else is not. */
async function answer(load: () => Config | Promise<Config>): Promise<Config | ConfigError> {
  try {
    return await load()
  } catch (error) {
    assert(error instanceof ConfigError, `${error instanceof Error ? error.stack : error}`)
    assert(error.problems.length > 0)
    return error
  }
}

test('both spellings give the same configuration, and what comes out is a configuration again', () => {
  fc.assert(
    fc.property(configuration, (content) => {
      const config = resolveConfig(asInput(content))
      assert.deepEqual(resolveConfig(asInput(inCamelCase(ConfigSchema, content))), config)
      assert.deepEqual(resolveConfig(config), config)
      const file = inSnakeCase(ConfigSchema, config)
      assert(Value.Check(ConfigSchema, file))
      assert.deepEqual(resolveConfig(asInput(file)), config)
    })
  )
})

const PATHS: ReadonlySet<string> = new Set(['cwd', 'compose_file'])

test('every value given is the value that comes out', () => {
  fc.assert(
    fc.property(configuration, (content) => {
      const { data_dir: _, ...given } = content
      const { tls: __, ...server } = given.server as Plain
      const out = inSnakeCase(ConfigSchema, resolveConfig(asInput(content))) as Plain
      const contains = (whole: unknown, part: unknown): void => {
        if (typeof part !== 'object' || part === null || Array.isArray(part)) assert.deepEqual(whole, part)
        // Paths come out absolute.
        else for (const [key, value] of Object.entries(part)) if (!PATHS.has(key)) contains((whole as Plain)[key], value)
      }
      contains(out, { ...given, server })
    })
  )
})

test('an origin that is accepted is one that the gateway lets in, and every other text is a problem', () => {
  const text = fc.oneof(
    fc.webUrl({ authoritySettings: { withIPv4Extended: true, withIPv6: true, withPort: true, withUserInfo: true } }),
    fc.stringMatching(/^(https?|file|chrome-extension|x):\/\/[a-z0-9.:[\]@-]{0,12}\/?$/)
  )
  fc.assert(
    fc.property(text, (origin) => {
      let config: Config
      try {
        config = resolveConfig({ server: { allowed_origins: [origin] } })
      } catch (error) {
        assert(error instanceof ConfigError, String(error))
        return
      }
      assert(new Origins(config.server.allowedOrigins).allows(origin, 'another.example'), origin)
    }),
    { numRuns: rounds(150) }
  )
})

test('a file and the environment that say the same give the same configuration', async (t) => {
  const cwd = await folder(t)
  const file = join(cwd, 'flynn.yaml')
  /** One variable for every leaf; lists and tiers as JSON. */
  const variables = (schema: TSchema, value: unknown, path: string[]): [string, string][] => {
    if (KindGuard.IsObject(schema))
      return Object.entries(value as Plain).flatMap(([key, part]) => variables(schema.properties[key]!, part, [...path, key]))
    return [[variableOf(path), typeof value === 'string' ? value : JSON.stringify(value)]]
  }
  await fc.assert(
    fc.asyncProperty(configuration, async (content) => {
      const escaped = JSON.parse(JSON.stringify(content), (_, value) =>
        typeof value === 'string' ? value.replaceAll('${', () => '$${') : value
      )
      await writeFile(file, stringify(escaped))
      const fromFile = await loadConfig({ env: {}, cwd, file })
      await writeFile(file, '')
      const env = Object.fromEntries(variables(ConfigSchema, content, []))
      assert.deepEqual(await loadConfig({ env, cwd, file }), fromFile)
    })
  )
})

test('whatever stands in a file, it is a configuration or a list of problems', async (t) => {
  const cwd = await folder(t)
  const file = join(cwd, 'flynn.yaml')
  const piece = fc.oneof(
    fc.constantFrom(
      '\n',
      '  ',
      ': ',
      '- ',
      '&a ',
      '*a',
      '!!set ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '|\n',
      '? ',
      '---\n',
      '#',
      '${',
      '$${A}',
      '${A}',
      '%',
      '\t',
      ', '
    ),
    fc.constantFrom(
      'server',
      'port',
      'tokens',
      'token',
      'models',
      'default',
      'offline',
      'agent',
      'authHttp',
      '__proto__',
      'null',
      '1',
      'true',
      '<<'
    ),
    fc.string({ unit: 'binary', maxLength: 5 })
  )
  const damaged = fc
    .tuple(
      configuration.map((content) => stringify(content)),
      fc.nat(),
      fc.nat(20),
      fc.array(piece, { maxLength: 3 })
    )
    .map(([text, at, length, pieces]) => {
      const start = at % (text.length + 1)
      return text.slice(0, start) + pieces.join('') + text.slice(start + length)
    })
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
        damaged
      ),
      async (text) => {
        await writeFile(file, text)
        await answer(() => loadConfig({ env: { A: 'a' }, cwd, file }))
      }
    ),
    { numRuns: rounds(100) }
  )
})

test('whatever stands in the environment, it is a configuration or a list of problems', async (t) => {
  const cwd = await folder(t)
  const segment = fc.oneof(
    fc.constantFrom('SERVER', 'PORT', 'TOKENS', 'MODELS', 'DEFAULT', 'OFFLINE', '__PROTO__', 'CONSTRUCTOR', '', '0', 'TOSTRING'),
    fc.string({ maxLength: 6 })
  )
  const name = fc.array(segment, { maxLength: 5 }).map((segments) => `FLYNN_${segments.join('__')}`)
  const value = fc.oneof(fc.string(), fc.json(), fc.constantFrom('1', 'true', '[', '{}', '[[]]', 'null', '{"__proto__":{"x":1}}'))
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 6 }), async (env) => {
      await answer(() => loadConfig({ env, cwd }))
      assert.equal(({} as Plain).x, undefined)
    }),
    { numRuns: rounds(150) }
  )
})

test('whatever a host hands over, it is a configuration or a list of problems', async () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true
  })
  const misfit = fc
    .tuple(configuration, fc.constantFrom('server', 'models', 'agent', 'tools', 'data_dir'), anything)
    .map(([content, key, value]) => ({ ...content, [key]: value }))
  await fc.assert(
    fc.asyncProperty(fc.oneof(anything, misfit), async (input) => {
      await answer(() => resolveConfig(input as ConfigInput))
    }),
    { numRuns: rounds(150) }
  )
  const circle: Plain = {}
  circle.models = circle
  assert((await answer(() => resolveConfig(asInput(circle)))) instanceof ConfigError)
})
