import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { findProgram, read, run } from '../../../rpc/companion/machine/program.ts'
import { linuxPlatform, macosPlatform, type Platform, windowsPlatform } from '../../../rpc/companion/machine.ts'
import { checkOf, schemaEngine } from '../../../rpc/json-schema.ts'
import { rejection } from '../../helper.ts'
import { stubPrograms } from './stub-programs.ts'

/** Texts that a shell, an option parser or a markup reader would misread. */
const HOSTILE = '--help $(touch /tmp/x) `id`; "quoted" \'single\' <b>&'

const power = async () => ({ batteryPct: 64, powerSource: 'battery' })

function use({ capabilities }: Platform, capability: string, args: Record<string, unknown> = {}): Promise<unknown> {
  const { signal } = new AbortController()
  return Promise.resolve(capabilities[capability]!.run(args, { capability, callId: '1', signal }))
}

async function linux(t: TestContext, programs: Parameters<typeof stubPrograms>[1], env: Record<string, string> = {}) {
  const { folder, log } = await stubPrograms(t, programs)
  return { log, platform: await linuxPlatform({ env: { PATH: folder, ...env }, power }) }
}

const WAYLAND = { WAYLAND_DISPLAY: 'wayland-0', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/bus' }

test('Linux offers what its programs and its display allow', async (t) => {
  const all = { 'notify-send': '', 'wl-copy': '', 'wl-paste': '', xclip: '', 'xdg-open': '', grim: '', maim: '' }
  const names = async (programs: Parameters<typeof stubPrograms>[1], env: Record<string, string>) =>
    Object.keys((await linux(t, programs, env)).platform.capabilities).sort()
  const everything = ['clipboard.read', 'clipboard.write', 'link.open', 'notifications', 'screen.capture']
  assert.deepEqual(await names(all, WAYLAND), everything)
  assert.deepEqual(
    await names(all, { DISPLAY: ':0' }),
    everything.filter((name) => name !== 'notifications')
  )
  assert.deepEqual(await names(all, {}), [])
  assert.deepEqual(await names({ 'wl-copy': '' }, WAYLAND), [])
  assert.deepEqual(await names({}, WAYLAND), [])
})

test('every platform describes what it offers, and the schemas allow what the handlers take', async (t) => {
  const programs = { 'notify-send': '', 'wl-copy': '', 'wl-paste': '', 'xdg-open': '', grim: '' }
  const { platform } = await linux(t, programs, WAYLAND)
  const engine = await schemaEngine()
  for (const [name, args] of Object.entries({
    notifications: { title: 'Tea', body: '' },
    'clipboard.read': {},
    'clipboard.write': { text: 'tea' },
    'link.open': { url: 'https://example.org/' },
    'screen.capture': {}
  })) {
    const { description, params } = platform.capabilities[name]!
    const check = checkOf(params!, engine)
    assert.ok(description)
    assert.deepEqual(check(args), [], name)
    assert.equal(check({ ...args, other: 1 }).length, 1, name)
    await use(platform, name, args)
  }
  assert.equal(checkOf(platform.capabilities.notifications!.params!, engine)({ title: '' }).length, 1)
})

test('Linux notifications pass texts as arguments, the body as plain text', async (t) => {
  const { platform, log } = await linux(t, { 'notify-send': undefined }, WAYLAND)
  assert.deepEqual(await use(platform, 'notifications', { title: HOSTILE, body: HOSTILE }), { shown: true })
  const escaped = HOSTILE.replace('<b>&', '&lt;b>&amp;')
  assert.deepEqual((await log()).trim().split('\n'), ['notify-send', '--app-name=Flynn', '--', HOSTILE, escaped])
})

test('Linux clipboards are read and written, and a program left running is not waited for', async (t) => {
  // As wl-copy does: what it leaves running keeps its streams open.
  const copy = 'cat > "$LOG"; sleep 30 & echo $! >> "$LOG"'
  const { platform, log } = await linux(t, { 'wl-copy': copy, 'wl-paste': 'printf "%s" "ünïcode $1"' }, WAYLAND)
  assert.deepEqual(await use(platform, 'clipboard.read'), { text: 'ünïcode --no-newline' })
  const pipes = (): number => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length
  const before = pipes()
  assert.deepEqual(await use(platform, 'clipboard.write', { text: `${HOSTILE}\n` }), { written: true })
  while (pipes() > before) await new Promise(setImmediate)
  const [text, pid] = (await log()).trim().split('\n')
  process.kill(Number(pid))
  assert.equal(text, HOSTILE)
  const x = await linux(t, { xclip: undefined }, { DISPLAY: ':0' })
  await use(x.platform, 'clipboard.write', { text: 'tea' })
  assert.deepEqual((await x.log()).split('\n'), ['xclip', '-selection', 'clipboard', '-in', 'tea'])
})

test('only web addresses are opened', async (t) => {
  const { platform, log } = await linux(t, { 'xdg-open': undefined }, WAYLAND)
  for (const url of ['file:///etc/passwd', 'javascript:alert(1)', '--help', '', 7, undefined, 'steam://run']) {
    assert.match((await rejection(use(platform, 'link.open', { url }))).message, /^args\.url must be /)
  }
  await use(platform, 'link.open', { url: 'https://example.org/a b?q="$(id)"' })
  assert.equal(await log(), 'xdg-open\nhttps://example.org/a%20b?q=%22$(id)%22\n')
})

test('a screenshot is a JPEG that fits into a result', async (t) => {
  const { platform } = await linux(t, { grim: 'printf "%s " "$@"' }, WAYLAND)
  const { mimeType, data } = (await use(platform, 'screen.capture')) as { mimeType: string; data: string }
  assert.deepEqual([mimeType, Buffer.from(data, 'base64').toString()], ['image/jpeg', '-t jpeg -q 50 - '])
  const large = await linux(t, { grim: 'head -c 800000 /dev/zero' }, WAYLAND)
  assert.match((await rejection(use(large.platform, 'screen.capture'))).message, /800000 bytes; at most 786432/)
})

test('wrong arguments are refused before a program runs', async (t) => {
  const { platform } = await linux(t, { 'notify-send': 'exit 9', xclip: 'exit 9' }, { ...WAYLAND, DISPLAY: ':0' })
  for (const args of [{}, { title: '' }, { title: 7 }, { title: 'x'.repeat(257) }]) {
    assert.match((await rejection(use(platform, 'notifications', args))).message, /args\.title must be a text of 1 to 256/)
  }
  assert.match((await rejection(use(platform, 'notifications', { title: 'a', body: [] }))).message, /args\.body/)
  assert.match((await rejection(use(platform, 'clipboard.write', { text: '' }))).message, /args\.text/)
})

test('the status has platform, name and power', async (t) => {
  const { platform } = await linux(t, {})
  const { deviceName, ...status } = await platform.status()
  assert.deepEqual(status, { platform: 'linux', batteryPct: 64, powerSource: 'battery' })
  assert.ok(deviceName)
  assert.equal((await (await linuxPlatform({ env: {} })).status()).platform, 'linux')
})

test('macOS programs get texts as arguments, never in the script', async (t) => {
  const programs = {
    osascript: undefined,
    pbcopy: undefined,
    open: undefined,
    scutil: 'echo "Desk of Ann"',
    screencapture: '',
    sips: ''
  }
  const { folder, log } = await stubPrograms(t, { ...programs, pbpaste: 'printf "%s" "$LC_ALL"' })
  const platform = await macosPlatform({ env: { PATH: folder }, power })
  assert.deepEqual(Object.keys(platform.capabilities).sort(), [
    'clipboard.read',
    'clipboard.write',
    'link.open',
    'notifications',
    'screen.capture'
  ])
  await use(platform, 'notifications', { title: HOSTILE })
  await use(platform, 'clipboard.write', { text: 'tea\n' })
  await use(platform, 'link.open', { url: 'https://example.org/' })
  assert.deepEqual((await log()).split('\n'), [
    'osascript',
    ...['on run argv', 'display notification (item 3 of argv) with title (item 2 of argv)', 'end run'].flatMap((line) => [
      '-e',
      line
    ]),
    'notification',
    HOSTILE,
    '',
    'pbcopy',
    'tea',
    'open',
    'https://example.org/',
    ''
  ])
  assert.deepEqual(await use(platform, 'clipboard.read'), { text: 'en_US.UTF-8' })
  assert.equal((await platform.status()).deviceName, 'Desk of Ann')
})

test('Windows scripts are constants, texts come by the environment and stdin', async (t) => {
  const { folder, log } = await stubPrograms(t, {
    'powershell.exe': 'printf \'%s\\n\' "$*" "$FLYNN_TITLE|$FLYNN_BODY|$FLYNN_URL" >> "$LOG"; cat >> "$LOG"'
  })
  const platform = await windowsPlatform({ env: { PATH: folder }, power })
  await use(platform, 'notifications', { title: HOSTILE, body: 'body' })
  await use(platform, 'clipboard.write', { text: `${HOSTILE}\n` })
  await use(platform, 'link.open', { url: 'https://example.org/' })
  const lines = (await log()).trim().split('\n')
  const scripts = lines.filter((line) => line.startsWith('-NoLogo')).map((line) => line.split(' '))
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('-NoLogo')),
    [`${HOSTILE}|body|`, '||', HOSTILE, '||https://example.org/']
  )
  const texts = scripts.map((words) => Buffer.from(words.at(-1)!, 'base64').toString('utf16le'))
  assert.match(texts[0]!, /ToastNotificationManager/)
  assert.match(texts[1]!, /Set-Clipboard/)
  assert.match(texts[2]!, /Start-Process/)
  assert.ok(texts.every((text) => !text.includes('quoted')))
  assert.deepEqual((await windowsPlatform({ env: {} })).capabilities, {})
})

test('a program that fails says why, and ends with its signal', async (t) => {
  const { folder } = await stubPrograms(t, {
    fails: 'echo "no display" >&2; exit 3',
    hangs: 'exec sleep 60',
    floods: 'exec head -c 9000000 /dev/zero',
    deaf: 'exec <&-; exit 0'
  })
  const file = async (name: string) => (await findProgram(name, { PATH: folder }))!
  for (const start of [run, read]) {
    assert.match((await rejection(start(await file('fails'), []))).message, /^fails failed \(exit code 3\): no display$/)
  }
  const controller = new AbortController()
  const hanging = rejection(run(await file('hangs'), [], { signal: controller.signal }))
  controller.abort()
  assert.equal((await hanging).name, 'AbortError')
  assert.match((await rejection(read(await file('floods'), []))).message, /more than 8388608 bytes/)
  await run(await file('deaf'), [], { input: 'x'.repeat(1_000_000) })
  assert.equal((await rejection(run(`${folder}/missing`, []))).code, 'ENOENT')
  assert.equal(await findProgram('fails', { PATH: `relative:${folder}/none` }), undefined)
})
