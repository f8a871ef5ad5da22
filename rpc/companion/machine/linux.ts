import { access } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { notificationOf, textOf } from '../arguments.ts'
import type { Handler } from '../invocations.ts'
import { MAX_TEXT, offered } from '../offers.ts'
import type { Platform } from '../platform.ts'
import { powerStatus } from './battery.ts'
import { type Environment, findProgram, read, run } from './program.ts'
import { type MachineOptions, opener, picture } from './shared.ts'

/**
 * Linux desktop: `notify-send`; `wl-copy` and `wl-paste`, `xclip` or `xsel`; `xdg-open`; `grim` or `maim`. A program counts only where
 * the display or the message bus that it needs is known.
 */
export async function linuxPlatform({ env = process.env, power = powerStatus }: MachineOptions = {}): Promise<Platform> {
  const { DISPLAY, WAYLAND_DISPLAY } = env
  const find = (name: string, needs: unknown) => (needs ? findProgram(name, env) : undefined)
  const [notifySend, xdgOpen, clipboard, capture] = await Promise.all([
    find('notify-send', await hasMessageBus(env)),
    find('xdg-open', WAYLAND_DISPLAY || DISPLAY),
    findClipboard(find, env),
    findCapture(find, env)
  ])
  return {
    capabilities: offered({
      notifications: notifySend && notifier(notifySend),
      'link.open': xdgOpen && opener(xdgOpen),
      ...clipboard,
      'screen.capture': capture
    }),
    status: async () => ({ platform: 'linux', deviceName: hostname(), ...(await power()) })
  }
}

type Find = (name: string, needs: unknown) => Promise<string | undefined> | undefined

function notifier(program: string): Handler {
  return async (args, { signal }) => {
    const { title, body } = notificationOf(args)
    // The body is markup to most desktops.
    const escaped = body.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    await run(program, ['--app-name=Flynn', '--', title, ...(escaped ? [escaped] : [])], { signal })
    return { shown: true }
  }
}

async function findClipboard(find: Find, { DISPLAY, WAYLAND_DISPLAY }: Environment): Promise<Record<string, Handler>> {
  const [wlCopy, wlPaste, xclip, xsel] = await Promise.all([
    find('wl-copy', WAYLAND_DISPLAY),
    find('wl-paste', WAYLAND_DISPLAY),
    find('xclip', DISPLAY),
    find('xsel', DISPLAY)
  ])
  if (wlCopy && wlPaste) return clipboard([wlPaste, '--no-newline'], [wlCopy])
  if (xclip) return clipboard([xclip, '-selection', 'clipboard', '-out'], [xclip, '-selection', 'clipboard', '-in'])
  if (xsel) return clipboard([xsel, '--clipboard', '--output'], [xsel, '--clipboard', '--input'])
  return {}
}

type Command = readonly [program: string, ...args: string[]]

function clipboard([reader, ...readArgs]: Command, [writer, ...writeArgs]: Command): Record<string, Handler> {
  return {
    'clipboard.read': async (_args, { signal }) => ({ text: (await read(reader, readArgs, { signal })).toString() }),
    'clipboard.write': async (args, { signal }) => {
      await run(writer, writeArgs, { input: textOf(args, 'text', MAX_TEXT), signal })
      return { written: true }
    }
  }
}

async function findCapture(find: Find, { DISPLAY, WAYLAND_DISPLAY }: Environment): Promise<Handler | undefined> {
  const [grim, maim] = await Promise.all([find('grim', WAYLAND_DISPLAY), find('maim', DISPLAY)])
  if (grim) return async (_args, { signal }) => picture(await read(grim, ['-t', 'jpeg', '-q', '50', '-'], { signal }))
  if (maim) return async (_args, { signal }) => picture(await read(maim, ['--format=jpg', '--quality=4'], { signal }))
  return undefined
}

async function hasMessageBus({ DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR }: Environment): Promise<boolean> {
  if (DBUS_SESSION_BUS_ADDRESS) return true
  if (!XDG_RUNTIME_DIR) return false
  return await access(path.join(XDG_RUNTIME_DIR, 'bus')).then(
    () => true,
    () => false
  )
}
