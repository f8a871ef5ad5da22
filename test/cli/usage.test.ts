import assert from 'node:assert/strict'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import packageJson from '#package.json' with { type: 'json' }
import { scratch } from '../helper.ts'
import { cli, LAUNCHER } from './fixtures.ts'

test('--help names every command, and each command has a help of its own', async (t) => {
  const cwd = await scratch(t)
  const help = await cli(t, ['--help'], { cwd })
  assert.deepEqual([help.code, help.stderr], [0, ''])
  assert.match(help.stdout, /^Usage: flynn-gateway \[command\] \[options\]/)
  for (const name of ['start', 'init', 'doctor', 'health', 'call', 'tail', 'pair', 'backup', 'config']) {
    assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'))
    const own = await cli(t, [name, '--help'], { cwd })
    assert.equal(own.code, 0)
    assert.ok(own.stdout.startsWith(`Usage: flynn-gateway ${name} `), own.stdout)
  }
})

test('--version answers, through the launcher and through a link to it too', async (t) => {
  const cwd = await scratch(t)
  await symlink(LAUNCHER, join(cwd, 'flynn-gateway'))
  for (const program of [undefined, LAUNCHER, join(cwd, 'flynn-gateway')]) {
    const version = await cli(t, ['--version'], { cwd }, program)
    assert.deepEqual(version, { code: 0, stdout: `${packageJson.version}\n`, stderr: '' })
  }
})

test('what cannot be understood exits 2, names what was probably meant, and repeats no value', async (t) => {
  const cwd = await scratch(t)
  for (const [args, message] of [
    [['--prot', '1'], 'unknown option --prot; did you mean --port?'],
    [['--prot=canary'], 'unknown option --prot; did you mean --port?'],
    [['start', '--token=canary'], 'unknown option --token'],
    [['call', 'system.info', '--evnts'], 'unknown option --evnts; did you mean --events?'],
    [['-x'], 'unknown option -x'],
    [['--toString'], 'unknown option --toString'],
    [['--port'], '--port needs a value'],
    [['--port='], '--port needs a value'],
    [['--help=yes'], '--help takes no value'],
    [['docter'], 'unknown command docter; did you mean doctor?'],
    [['nonsense'], 'unknown command nonsense'],
    [['start', 'canary'], 'too many arguments for start'],
    [['call'], 'call needs <method>'],
    [['config', 'chek'], 'config takes one of check, print, diff'],
    [['call', 'system.info', 'canary'], 'the params must be a JSON object, such as \'{"sessionId":"cli:me"}\''],
    [['call', 'system.info', '--url', 'nowhere'], '--url must be an address such as http://127.0.0.1:18800'],
    [['call', 'system.info', '--url', 'http://canary@host'], '--url takes no credentials: set FLYNN_TOKEN']
  ] as const) {
    const { code, stderr, stdout } = await cli(t, args, { cwd })
    assert.deepEqual([code, stdout], [2, ''], message)
    assert.equal(stderr, `flynn-gateway: ${message}\nSee flynn-gateway --help.\n`)
  }
})

test('a wrong configuration exits 78 with every command that needs one, but the health check, which knows 0 and 1', async (t) => {
  const cwd = await scratch(t)
  await writeFile(join(cwd, 'flynn.yaml'), 'server: { prot: 1 }\n')
  for (const args of [['start'], ['call', 'system.info'], ['tail'], ['pair', 'telegram'], ['backup'], ['config', 'check']]) {
    const { code, stderr } = await cli(t, args, { cwd })
    assert.equal(code, 78, args.join(' '))
    assert.match(stderr, /^ {2}flynn\.yaml:1:11 server\.prot is not known; did you mean port\?$/m)
  }
  assert.equal((await cli(t, ['health'], { cwd })).code, 1)
})
