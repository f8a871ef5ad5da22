import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { Hooks } from '../../../plugins/hooks/hooks.ts'
import { build, connect } from '../../helper.ts'

declare module '../../../plugins/hooks/hooks.ts' {
  interface Operations {
    'test.double': Operation<{ readonly n: number }, number>
  }
  interface HookEvents {
    'test.done': number
  }
}

const hooks = (errors: unknown[] = []): Hooks => new Hooks({ error: (detail: unknown) => void errors.push(detail) })

test('an operation without wrappers runs as it is', () => {
  assert.equal(
    hooks().run('test.double', { n: 1 }, () => 2),
    2
  )
})

test('the wrapper that was added last is the outermost', () => {
  const it = hooks()
  const seen: string[] = []
  for (const name of ['inner', 'outer']) {
    it.around('test.double', ({ n }, run) => {
      seen.push(`${name} ${n}`)
      return run() + 1
    })
  }
  const result = it.run('test.double', { n: 1 }, () => {
    seen.push('work')
    return 2
  })
  assert.equal(result, 4)
  assert.deepEqual(seen, ['outer 1', 'inner 1', 'work'])
})

test('the error of a wrapper fails the operation', () => {
  const it = hooks()
  it.around('test.double', () => {
    throw new Error('refused')
  })
  assert.throws(() => it.run('test.double', { n: 1 }, () => 2), /refused/)
})

test('the error of a listener is logged, and the others still hear the event', () => {
  const errors: unknown[] = []
  const it = hooks(errors)
  const heard: number[] = []
  const err = new Error('broken')
  it.on('test.done', () => {
    throw err
  })
  it.on('test.done', (n) => void heard.push(n))
  it.emit('test.done', 7)
  assert.deepEqual(heard, [7])
  assert.deepEqual(errors, [{ err, hook: 'test.done' }])
})

test('two gateways in one process do not observe each other', async (t) => {
  const [one, other] = [await build(t), await build(t)]
  const calls: string[] = []
  for (const [name, { app }] of Object.entries({ one, other })) {
    app.hooks.around('rpc.call', ({ method }, run) => {
      calls.push(`${name} ${method?.name}`)
      return run()
    })
  }
  await (await connect(t, one.url)).call('system.info')
  await (await connect(t, other.url)).call('system.capabilities')
  assert.deepEqual(calls, ['one system.info', 'other system.capabilities'])
})

test('the README names every hook that the gateway declares', () => {
  const root = fileURLToPath(new URL('./', import.meta.resolve('#package.json')))
  const declared = globSync('plugins/**/*.ts', { cwd: root }).flatMap((file) => {
    const source = readFileSync(`${root}${file}`, 'utf8')
    const block = /^declare module '[./]*hooks\/hooks\.ts' \{\n([\s\S]*?)^\}/m.exec(source)?.[1] ?? ''
    return Array.from(block.matchAll(/^ {4}'([a-z.]+)':/gm), ([, name]) => name!)
  })
  const table = readFileSync(`${root}plugins/hooks/README.md`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'))
  const named = table.flatMap((line) => Array.from(line.split('|')[1]!.matchAll(/`([a-z.]+)`/g), ([, name]) => name!))
  assert.ok(declared.length > 10)
  assert.deepEqual(named.sort(), declared.sort())
})
