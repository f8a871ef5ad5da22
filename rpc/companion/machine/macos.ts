import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { notificationOf, textOf } from '../arguments.ts'
import type { Handler } from '../invocations.ts'
import { MAX_TEXT, offered } from '../offers.ts'
import type { Platform } from '../platform.ts'
import { powerStatus } from './battery.ts'
import { findProgram, read, run } from './program.ts'
import { type MachineOptions, opener, picture } from './shared.ts'

/** Texts come as arguments and are never part of the script. */
const NOTIFY = ['on run argv', 'display notification (item 3 of argv) with title (item 2 of argv)', 'end run']
/** Without it `pbcopy` and `pbpaste` take the text for ASCII where no locale is set. */
const UTF8 = { LC_ALL: 'en_US.UTF-8' }
/** Longer side of a screenshot, in pixels. */
const MAX_PIXELS = '1600'

/** macOS: `osascript`, `pbcopy` and `pbpaste`, `open`, `screencapture` with `sips`. */
export async function macosPlatform({ env = process.env, power = powerStatus }: MachineOptions = {}): Promise<Platform> {
  const [osascript, pbcopy, pbpaste, open, screencapture, sips, scutil] = await Promise.all(
    ['osascript', 'pbcopy', 'pbpaste', 'open', 'screencapture', 'sips', 'scutil'].map((name) => findProgram(name, env))
  )
  const notify: Handler | undefined =
    osascript === undefined
      ? undefined
      : async (args, { signal }) => {
          const { title, body } = notificationOf(args)
          // After a first argument that is no option, none is read as one.
          await run(osascript, [...NOTIFY.flatMap((line) => ['-e', line]), 'notification', title, body], { signal })
          return { shown: true }
        }
  return {
    capabilities: offered({
      notifications: notify,
      'clipboard.read':
        pbpaste && (async (_args, { signal }) => ({ text: (await read(pbpaste, [], { signal, env: UTF8 })).toString() })),
      'clipboard.write':
        pbcopy &&
        (async (args, { signal }) => {
          await run(pbcopy, [], { input: textOf(args, 'text', MAX_TEXT), signal, env: UTF8 })
          return { written: true }
        }),
      'link.open': open && opener(open),
      'screen.capture': screencapture && sips && ((_args, { signal }) => capture(screencapture, sips, signal))
    }),
    status: async () => ({
      platform: 'macos',
      deviceName: (scutil && (await nameOf(scutil))) || hostname(),
      ...(await power())
    })
  }
}

async function nameOf(scutil: string): Promise<string> {
  const name = await read(scutil, ['--get', 'ComputerName']).catch(() => '')
  return name.toString().trim()
}

async function capture(screencapture: string, sips: string, signal: AbortSignal): Promise<unknown> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flynn-screen-'))
  try {
    const file = path.join(folder, 'screen.jpg')
    await run(screencapture, ['-x', '-t', 'jpg', file], { signal })
    await run(sips, ['--resampleHeightWidthMax', MAX_PIXELS, '--setProperty', 'formatOptions', '50', file], { signal })
    return picture(await readFile(file))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
