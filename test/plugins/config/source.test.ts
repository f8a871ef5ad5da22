import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
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
  assert.deepEqual((await rejection(source.load())).problems, ['flynn.yaml: is gone'])
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
