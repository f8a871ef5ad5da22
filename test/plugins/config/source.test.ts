import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { ConfigSource } from '../../../plugins/config/index.ts'
import { rejection } from '../../helper.ts'
import { folder } from './folder.ts'

test('the file is read anew each time, with the same environment and flags', async (t) => {
  const cwd = await folder(t, { 'flynn.yaml': 'server: { port: 1, token: a }\n' })
  const source = new ConfigSource({ cwd, env: { FLYNN_LOG__LEVEL: 'warn' }, flags: { port: '3' } })
  assert.equal((await source.load()).server.token, 'a')
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { port: 2, token: b }\nlog: { level: debug }\n')
  const { server, log } = await source.load()
  assert.deepEqual([server.port, server.token, log.level], [3, 'b', 'warn'])
})

test('a file that is gone is a problem, although none was needed at the start', async (t) => {
  const cwd = await folder(t)
  const source = new ConfigSource({ cwd, env: {} })
  assert.equal((await source.load()).server.token, undefined)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { token: b }\n')
  assert.equal((await source.load()).server.token, 'b')
  await rm(join(cwd, 'flynn.yaml'))
  assert.deepEqual((await rejection(source.load())).problems, ['flynn.yaml: cannot be read: the file does not exist'])
})

test('from the second time on a problem names the file without its folder', async (t) => {
  const cwd = await folder(t, { 'my.yaml': 'server: 1\n' })
  const file = join(cwd, 'my.yaml')
  const source = new ConfigSource({ cwd, env: {}, file })
  assert.ok((await rejection(source.load())).problems[0].startsWith(`${file}:1:9 server must be `))
  await writeFile(file, '')
  await source.load()
  await writeFile(file, 'server: 1\n')
  assert.match((await rejection(source.load())).problems[0], /^my\.yaml:1:9 server must be /)
})

test('only regular files of a limited size are read; a link is followed anew', async (t) => {
  const cwd = await folder(t, { 'flynn.yaml': 'server: { token: a }\n', 'other.yaml': 'server: { token: b }\n' })
  const file = join(cwd, 'flynn.yaml')
  const source = new ConfigSource({ cwd, env: {} })
  await source.load()
  const refused = async () => (await rejection(source.load())).problems
  await writeFile(file, '# ')
  await truncate(file, 10 * 1024 * 1024)
  assert.deepEqual(await refused(), ['flynn.yaml: cannot be read: it is larger than 256 KiB'])
  await rm(file)
  await mkdir(file)
  assert.deepEqual(await refused(), ['flynn.yaml: cannot be read: it is a folder'])
  await rm(file, { recursive: true })
  // Never written to.
  execFileSync('mkfifo', [file])
  assert.deepEqual(await refused(), ['flynn.yaml: cannot be read: it is not a regular file'])
  await symlink(join(cwd, 'other.yaml'), join(cwd, 'link'))
  await rename(join(cwd, 'link'), file)
  assert.equal((await source.load()).server.token, 'b')
})

test('a file of aliases of aliases, or with more in it than anybody writes, is refused before it costs anything', async (t) => {
  const many = (count: number, text: (n: number) => string) => Array.from({ length: count }, (_, n) => text(n)).join(', ')
  const cwd = await folder(t, { 'flynn.yaml': '' })
  const source = new ConfigSource({ cwd, env: {} })
  for (const text of [
    // Sixteen million providers.
    `x: &p {${many(4000, (n) => `p${n}: {}`)}}\nmodels: {${many(4000, (n) => `t${n}: *p`)}}`,
    `x: &p 1\nserver: { allowed_origins: [${many(60_000, () => '*p')}] }`,
    `models: {${many(20_001, (n) => `t${n}: 1`)}}`
  ]) {
    await writeFile(join(cwd, 'flynn.yaml'), text)
    assert.deepEqual((await rejection(source.load())).problems, [
      'flynn.yaml: has more than 20000 values, including those behind aliases'
    ])
  }
})

test('an alias stands for the last anchor of its name before it', async (t) => {
  const yaml =
    'server: { token: &a first, allowed_origins: &b [] }\nagent: { system_prompt: *a }\nlog: { level: &a warn }\ngmail: { account: *a }\n'
  const cwd = await folder(t, { 'flynn.yaml': yaml })
  const { agent, gmail } = await new ConfigSource({ cwd, env: {} }).load()
  assert.deepEqual([agent.systemPrompt, gmail.account], ['first', 'warn'])
})
