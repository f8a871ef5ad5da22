import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

/** An import of this repository: a value, or a type alone. */
interface Import {
  readonly file: string
  readonly target: string
  readonly isType: boolean
}

interface Rule {
  readonly from: string
  /** Files and folders; `<own>` is the concern of the file itself. */
  readonly to: readonly string[]
  /** What types may be imported from beyond `to`. */
  readonly types?: RegExp
  readonly why: string
}

/** Parts of a concern that state its contract: its types may be imported, its decorator does the rest. */
const CONTRACT = /^plugins\/[\w-]+\/((index|schema|define)\.ts|[\w-]+\/index\.ts)$/

/** Import directions. The first rule that names the file or its folder applies. */
const RULES: readonly Rule[] = [
  {
    from: 'index.ts',
    to: ['app.ts', 'server/node-version.ts'],
    why: 'it is the entry of the package, and checks the version before it loads the gateway'
  },
  {
    from: 'server.ts',
    to: ['server/', 'cli.ts', 'plugins/config/', 'plugins/observability/own-log.ts'],
    why: 'started as a program it is the command line'
  },
  {
    from: 'server/',
    to: ['server/', 'app.ts', 'plugins/config/', 'plugins/observability/own-log.ts', 'security/', 'routes/nothing.ts'],
    types: CONTRACT,
    why: 'the standalone start reads the configuration, writes the log and registers the gateway'
  },
  { from: 'cli.ts', to: ['cli/', 'plugins/config/'], why: 'it lists the commands; each is a file of its own' },
  {
    from: 'cli/',
    to: ['cli/', 'server/', 'plugins/config/', 'db/', 'rpc/', 'security/'],
    types: CONTRACT,
    why: 'a command reads the configuration, talks to a gateway, or looks at its database'
  },
  {
    from: 'app.ts',
    to: ['plugins/index.ts', 'plugins/define.ts', 'routes/', 'rpc/'],
    types: /^plugins\//,
    why: 'the table of contents registers plugins and routes'
  },
  {
    from: 'types.ts',
    to: ['plugins/define.ts'],
    types: /^(plugins\/([\w-]+\/)?index|db\/client)\.ts$/,
    why: 'plugin authors import it'
  },
  { from: 'drizzle.config.ts', to: ['db/'], why: 'it points at the schema' },
  { from: 'drizzle.postgres.config.ts', to: ['db/'], why: 'it points at the schema' },
  { from: 'plugins/index.ts', to: ['plugins/'], why: 'it lists the concerns' },
  { from: 'plugins/define.ts', to: ['rpc/'], types: /^plugins\/hooks\/hooks\.ts$/, why: 'every concern imports it' },
  {
    from: 'plugins/',
    to: ['<own>', 'plugins/define.ts', 'plugins/tools/define.ts', 'rpc/', 'lanes/', 'db/', 'security/'],
    types: CONTRACT,
    why: 'another concern is reached by its decorator on `app`'
  },
  {
    from: 'routes/',
    to: ['routes/', 'rpc/', 'security/', 'plugins/define.ts'],
    types: CONTRACT,
    why: 'routes hold no logic; services are reached by decorators on `app`'
  },
  { from: 'rpc/client/', to: ['rpc/client/'], types: /^(rpc\/|plugins\/[\w-]+\/schema\.ts)/, why: 'it runs in browsers' },
  { from: 'rpc/companion/', to: ['rpc/companion/', 'rpc/client/'], why: 'it runs in browsers and apps' },
  { from: 'rpc/', to: ['rpc/', 'security/'], why: 'the protocol knows no concern' },
  { from: 'lanes/', to: ['lanes/'], why: 'the queue knows nothing of the gateway' },
  { from: 'db/', to: ['db/'], why: 'the storage knows nothing of the gateway' },
  { from: 'security/', to: ['security/'], why: 'every layer needs it' }
]

/** Reason why an import is not allowed. Undefined: it is. */
function objection({ file, target, isType }: Import): string | undefined {
  const rule = RULES.find(({ from }) => file === from || (from.endsWith('/') && file.startsWith(from)))
  if (!rule) return `${file} imports ${target}, and no rule here says what ${file} may import`
  const allowed = rule.to.map((to) => (to === '<own>' ? concernOf(file) : to))
  if (allowed.some((to) => target === to || (to.endsWith('/') && target.startsWith(to)))) return undefined
  if (isType && rule.types?.test(target)) return undefined
  return `${file} imports ${isType ? 'a type of ' : ''}${target}, but ${rule.from} may import from ${allowed.join(', ')} only: ${rule.why}`
}

/** Folder of a concern, folder of a library, or the file itself. */
function concernOf(file: string): string {
  return /^plugins\/[^/]+\//.exec(file)?.[0] ?? /^(rpc\/client|[^/]+)\//.exec(file)?.[0] ?? file
}

/** Imports of this repository in a source. */
function importsOf(file: string, source: string): Import[] {
  const statement = /^(?:import|export) (type\b)?[^'"]*?(?<![\w$])from '(\.[^']+)'|^import '(\.[^']+)'/gm
  const inline = /\bimport\('(\.[^']+)'\)/g
  return [
    ...Array.from(source.matchAll(statement), ([, type, from, bare]) => ({
      isType: type !== undefined,
      specifier: from ?? bare!
    })),
    ...Array.from(source.matchAll(inline), ([, specifier]) => ({ isType: false, specifier: specifier! }))
  ].map(({ isType, specifier }) => ({ file, target: join(dirname(file), specifier), isType }))
}

/** Groups of files that import each other in a circle, types included (Tarjan's strongly connected components). */
function circles(imports: readonly Import[]): string[][] {
  const targets = Map.groupBy(imports, ({ file }) => file)
  const found: string[][] = []
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const visit = (file: string): number => {
    const known = order.get(file)
    if (known !== undefined) return stack.includes(file) ? known : Number.POSITIVE_INFINITY
    order.set(file, order.size)
    stack.push(file)
    const low = Math.min(order.get(file)!, ...(targets.get(file) ?? []).map(({ target }) => lowest.get(target) ?? visit(target)))
    if (low === order.get(file)) {
      const circle = stack.splice(stack.indexOf(file))
      for (const one of circle) lowest.set(one, Number.POSITIVE_INFINITY)
      if (circle.length > 1) found.push(circle)
    }
    return low
  }
  for (const file of targets.keys()) visit(file)
  return found
}

const SOURCES = ['*.ts', '{cli,server,plugins,routes,rpc,lanes,db,security}/**/*.ts']
const ROOT = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))
const files = globSync(SOURCES, { cwd: ROOT }).sort()
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(ROOT, file), 'utf8')))

test('every import follows the direction of dependencies', () => {
  assert.ok(imports.length > files.length, 'the sources were read')
  assert.deepEqual(
    imports.map(objection).filter((text) => text !== undefined),
    []
  )
})

test('no circle of imports leaves its concern', () => {
  const wide = circles(imports).filter((circle) => new Set(circle.map(concernOf)).size > 1)
  assert.deepEqual(wide, [])
})

test('the rules allow what the layout wants and nothing else', () => {
  const value = (file: string, target: string): Import => ({ file, target, isType: false })
  const type = (file: string, target: string): Import => ({ file, target, isType: true })
  const good = [
    value('server/serve.ts', 'app.ts'),
    value('cli/start.ts', 'server/serve.ts'),
    value('cli/doctor/data.ts', 'db/client.ts'),
    value('app.ts', 'plugins/index.ts'),
    value('app.ts', 'routes/socket.ts'),
    value('plugins/lanes/index.ts', 'lanes/lanes.ts'),
    value('plugins/tools/index.ts', 'plugins/tools/shell.ts'),
    type('plugins/agent/index.ts', 'plugins/tools/index.ts'),
    type('plugins/agent/index.ts', 'plugins/providers/define.ts'),
    value('routes/socket.ts', 'rpc/connection.ts'),
    value('rpc/registry.ts', 'security/sanitize.ts'),
    type('rpc/client/methods.ts', 'plugins/canvas/schema.ts'),
    value('db/stores/runs.ts', 'db/schema.sqlite.ts')
  ]
  const bad = [
    value('server/serve.ts', 'plugins/db/index.ts'),
    value('server/serve.ts', 'cli/exit.ts'),
    value('cli.ts', 'app.ts'),
    value('cli/tail.ts', 'plugins/bus/hub.ts'),
    value('app.ts', 'db/client.ts'),
    value('types.ts', 'rpc/errors.ts'),
    value('plugins/agent/index.ts', 'plugins/lanes/index.ts'),
    type('plugins/agent/index.ts', 'plugins/tools/toolbox.ts'),
    value('plugins/audit/index.ts', 'plugins/auth/index.ts'),
    value('plugins/tools/index.ts', 'routes/socket.ts'),
    value('routes/health.ts', 'plugins/auth/index.ts'),
    value('routes/health.ts', 'db/client.ts'),
    type('rpc/registry.ts', 'plugins/define.ts'),
    value('rpc/client/client.ts', 'rpc/errors.ts'),
    value('rpc/client/client.ts', 'rpc/companion/companion.ts'),
    type('rpc/companion/companion.ts', 'rpc/errors.ts'),
    value('rpc/companion/companion.ts', 'plugins/nodes/schema.ts'),
    value('rpc/registry.ts', 'lanes/lanes.ts'),
    type('lanes/lane.ts', 'rpc/errors.ts'),
    value('db/client.ts', 'types.ts'),
    value('utils/text.ts', 'rpc/errors.ts')
  ]
  for (const one of good) assert.equal(objection(one), undefined)
  for (const one of bad) assert.match(objection(one) ?? 'no objection', new RegExp(`^${one.file} imports .*${one.target}, `))
})

test('imports are found in every form, types apart from values', () => {
  const source = [
    "import a from './a.ts'",
    "import b, {\n  type Other,\n  c\n} from '../lanes/b.ts'",
    "import * as d from './d.ts'",
    "import './e.ts'",
    "export { f } from './f.ts'",
    "export * from './g.ts'",
    "const { h } = await import('./h.ts')",
    "import type { I } from './types-only.ts'",
    "export type { J } from './types-too.ts'",
    'export interface K {}',
    "import fastify from 'fastify'"
  ].join('\n')
  const found = importsOf('plugins/x.ts', source)
  const names = (isType: boolean) =>
    found
      .filter((one) => one.isType === isType)
      .map(({ target }) => target)
      .sort()
  assert.deepEqual(names(false), ['a', '../lanes/b', 'd', 'e', 'f', 'g', 'h'].map((name) => join('plugins', `${name}.ts`)).sort())
  assert.deepEqual(names(true), ['plugins/types-only.ts', 'plugins/types-too.ts'])
})

test('circles are found, whatever their length', () => {
  const edge = (file: string, target: string): Import => ({ file, target, isType: true })
  const edges = [edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('c', 'd'), edge('d', 'e'), edge('e', 'd'), edge('f', 'a')]
  assert.deepEqual(
    circles(edges).map((circle) => circle.sort()),
    [
      ['d', 'e'],
      ['a', 'b', 'c']
    ]
  )
})
