import { type Companion, type CompanionOptions, createCompanion } from './index.ts'
import { linuxPlatform } from './machine/linux.ts'
import { macosPlatform } from './machine/macos.ts'
import { windowsPlatform } from './machine/windows.ts'
import type { Platform } from './platform.ts'

export type { MachineOptions } from './machine/shared.ts'
export type { Platform } from './platform.ts'
export { linuxPlatform, macosPlatform, windowsPlatform }

/** The platform of this machine. On another system than Linux, macOS and Windows it offers nothing, and its status is its name. */
export async function machinePlatform(): Promise<Platform> {
  if (process.platform === 'linux') return await linuxPlatform()
  if (process.platform === 'darwin') return await macosPlatform()
  if (process.platform === 'win32') return await windowsPlatform()
  return { capabilities: {}, status: () => ({ platform: process.platform }) }
}

/** A companion with what this Linux desktop offers; capabilities and status of the options come on top. */
export async function linuxCompanion(options: CompanionOptions): Promise<Companion> {
  return on(await linuxPlatform(), options)
}

/** As `linuxCompanion`, for macOS. */
export async function macosCompanion(options: CompanionOptions): Promise<Companion> {
  return on(await macosPlatform(), options)
}

/** As `linuxCompanion`, for Windows. */
export async function windowsCompanion(options: CompanionOptions): Promise<Companion> {
  return on(await windowsPlatform(), options)
}

function on({ capabilities, status }: Platform, options: CompanionOptions): Companion {
  return createCompanion({ status, ...options, capabilities: { ...capabilities, ...options.capabilities } })
}
