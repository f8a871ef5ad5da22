import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

/**
 * Who may import what from whom; `import type` is free. The first rule that names the file or its folder applies.
 * `<own>` is the file's own concern: `plugins/tools/shell.ts` and `plugins/tools/files.ts` share one.
 */
const RULES: ReadonlyArray<{ readonly from: string; readonly to: readonly string[]; readonly why: string }> = [
  { from: 'server.ts', to: ['server/', 'cli.ts'], why: 'started as a program it is the command line' },
  {
    from: 'server/',
    to: ['server/', 'app.ts', 'plugins/config/', 'plugins/observability/own-log.ts', 'security/', 'routes/nothing.ts'],
    why: 'the program reads the configuration, writes the log, registers the gateway, and answers unknown routes'
  },
  {
    from: 'cli.ts',
    to: ['cli/', 'plugins/config/'],
    why: 'it names the commands; each is a file of its own'
  },
  {
    from: 'cli/',
    to: ['cli/', 'server/', 'plugins/config/', 'db/', 'rpc/', 'security/'],
    why: 'a command reads the configuration, talks to a gateway, looks at its database, or starts one'
  },
  { from: 'app.ts', to: ['plugins/', 'routes/', 'rpc/'], why: 'the table of contents registers plugins and routes' },
  { from: 'types.ts', to: [], why: 'everything imports it, so it imports types only' },
  { from: 'drizzle.config.ts', to: ['db/'], why: 'it points at the schema' },
  {
    from: 'plugins/',
    to: [
      '<own>',
      'rpc/',
      'lanes/',
      'db/',
      'security/',
      'types.ts',
      'plugins/system/schema.ts',
      'plugins/nodes/schema.ts',
      'plugins/tools/define.ts',
      'plugins/canvas/'
    ],
    why: 'another plugin is reached by its decorator on `app`'
  },
  {
    from: 'routes/',
    to: ['rpc/', 'security/', 'types.ts'],
    why: 'routes hold no logic; services are reached by decorators on `app`'
  },
  { from: 'rpc/client/', to: ['rpc/client/'], why: 'the client runs in pages, without the gateway' },
  { from: 'rpc/', to: ['rpc/', 'security/', 'plugins/'], why: 'the protocol and what documents it' },
  { from: 'security/', to: ['security/'], why: 'every layer needs it' },
  { from: 'lanes/', to: ['lanes/'], why: 'lanes know nothing of the gateway' },
  { from: 'db/', to: ['db/'], why: 'the database knows nothing of the gateway' }
]

/** Why `file` may not import a value from `target`; both relative to the repository. Undefined: it may. */
function objection(file: string, target: string): string | undefined {
  const rule = RULES.find(({ from }) => file === from || (from.endsWith('/') && file.startsWith(from)))
  if (!rule) return `${file} imports ${target}, and no rule here says what ${file} may import`
  const own = /^plugins\/[^/]+\//.exec(file)?.[0] ?? file
  const allowed = rule.to.map((to) => (to === '<own>' ? own : to))
  if (allowed.some((to) => target === to || (to.endsWith('/') && target.startsWith(to)))) return undefined
  return `${file} imports ${target}, but ${rule.from} may import values from ${allowed.join(', ') || 'nothing'} only: ${rule.why}`
}

/** The files of this repository that a source imports a value from, relative to it. */
function valueImports(file: string, source: string): string[] {
  const statement = /^(?:import|export) (?!type\b)(?:[\w$*, ]*(?:\{[^}]*\})?[\w$*, ]*from )?'(\.[^']+)'/gm
  const dynamic = /\bimport\('(\.[^']+)'\)/g
  return [...source.matchAll(statement), ...source.matchAll(dynamic)].map(([, specifier]) => join(dirname(file), specifier!))
}

const SOURCES = ['*.ts', '{cli,server,plugins,routes,rpc,lanes,db,security}/**/*.ts']

test('every import of a value follows the direction of dependencies', () => {
  const root = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))
  const files = globSync(SOURCES, { cwd: root }).sort()
  const imports = files.flatMap((file) =>
    valueImports(file, readFileSync(join(root, file), 'utf8')).map((target) => ({ file, target }))
  )
  assert.ok(imports.length > files.length / 2, 'the sources were read')
  const objections = imports.map(({ file, target }) => objection(file, target)).filter((text) => text !== undefined)
  assert.deepEqual(objections, [])
})

test('the rules let through what the layout wants and nothing else', () => {
  const good = [
    ['server.ts', 'cli.ts'],
    ['server/serve.ts', 'app.ts'],
    ['server/serve.ts', 'plugins/config/index.ts'],
    ['cli/start.ts', 'server/serve.ts'],
    ['cli/doctor/data.ts', 'db/client.ts'],
    ['app.ts', 'plugins/db/index.ts'],
    ['app.ts', 'routes/socket.ts'],
    ['plugins/lanes/index.ts', 'lanes/lanes.ts'],
    ['plugins/tools/index.ts', 'plugins/tools/shell.ts'],
    ['plugins/tools/index.ts', 'plugins/tools/methods.ts'],
    ['routes/socket.ts', 'rpc/connection.ts'],
    ['plugins/agent/methods.ts', 'rpc/schemas/agent.ts'],
    ['rpc/registry.ts', 'rpc/validate.ts'],
    ['db/stores/runs.ts', 'db/schema.sqlite.ts']
  ] as const
  const bad = [
    ['server/serve.ts', 'plugins/db/index.ts'],
    ['server/serve.ts', 'cli/exit.ts'],
    ['cli.ts', 'app.ts'],
    ['cli/tail.ts', 'plugins/bus/hub.ts'],
    ['app.ts', 'db/client.ts'],
    ['types.ts', 'rpc/errors.ts'],
    ['plugins/agent/index.ts', 'plugins/lanes/index.ts'],
    ['plugins/audit/index.ts', 'plugins/auth/index.ts'],
    ['plugins/tools/index.ts', 'routes/socket.ts'],
    ['plugins/tools/index.ts', 'app.ts'],
    ['routes/health.ts', 'plugins/auth/index.ts'],
    ['routes/health.ts', 'db/client.ts'],
    ['rpc/registry.ts', 'types.ts'],
    ['rpc/registry.ts', 'lanes/lanes.ts'],
    ['lanes/lane.ts', 'rpc/errors.ts'],
    ['db/client.ts', 'types.ts'],
    ['utils/text.ts', 'rpc/errors.ts']
  ] as const
  for (const [file, target] of good) assert.equal(objection(file, target), undefined)
  for (const [file, target] of bad)
    assert.match(objection(file, target) ?? 'no objection', new RegExp(`^${file} imports ${target}, `))
})

test('imports are found in every form they are written in, and types are not', () => {
  const source = [
    "import a from './a.ts'",
    "import b, {\n  type Other,\n  c\n} from '../lanes/b.ts'",
    "import * as d from './d.ts'",
    "import './e.ts'",
    "export { f } from './f.ts'",
    "export * from './g.ts'",
    "const { h } = await import('./h.ts')",
    "import type { I } from './types-only.ts'",
    "export type { J } from './types-only.ts'",
    'export interface K {}',
    "import type L from './types-only.ts'",
    "import fastify from 'fastify'"
  ].join('\n')
  const found = ['a', '../lanes/b', 'd', 'e', 'f', 'g', 'h'].map((name) => join('plugins', `${name}.ts`))
  assert.deepEqual(valueImports('plugins/x.ts', source).sort(), found.sort())
})
