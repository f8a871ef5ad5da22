import { notificationOf, textOf } from './arguments.ts'
import { Companion, type CompanionOptions, type NodeLocation, type NodeStatus } from './companion.ts'
import { MAX_TEXT, offered } from './offers.ts'

interface Battery {
  readonly level: number
  readonly charging: boolean
  addEventListener(event: string, listener: () => void, options: { readonly signal: AbortSignal }): void
}

interface Position {
  readonly coords: { readonly latitude: number; readonly longitude: number; readonly accuracy: number }
  readonly timestamp: number
}

interface WakeLock {
  readonly released: boolean
  release(): Promise<void>
}

/** The parts of a page that are used, each missing in some browser. */
interface Page {
  readonly Notification?: {
    readonly permission: string
    new (title: string, options: { readonly body: string }): unknown
  }
  readonly navigator?: {
    readonly userAgentData?: { readonly platform: string }
    readonly clipboard?: { writeText?(text: string): Promise<void> }
    readonly wakeLock?: { request(type: 'screen'): Promise<WakeLock> }
    getBattery?(): Promise<Battery>
    readonly geolocation?: {
      watchPosition(found: (position: Position) => void, failed: (error: unknown) => void): number
      clearWatch(watch: number): void
    }
  }
}

export interface BrowserOptions {
  /** Watches the location of the device. The browser asks its user first. Default: false. */
  readonly watchLocation?: boolean
}

/**
 * A companion with what this page offers: `notifications` where the user allowed them, `clipboard.write`, `screen.wakeLock
 * {enabled}`, the battery, and with `watchLocation` the location. Asks the user for no permission but that of the location.
 */
export function browserCompanion({ watchLocation = false, ...options }: CompanionOptions & BrowserOptions): Companion {
  const { Notification, navigator = {} } = globalThis as Page
  let battery: Battery | undefined
  const status = (): NodeStatus => ({
    platform: 'browser',
    ...(navigator.userAgentData?.platform && { deviceName: navigator.userAgentData.platform }),
    ...(battery && { batteryPct: Math.round(battery.level * 100), powerSource: battery.charging ? 'ac' : 'battery' })
  })
  const { clipboard, wakeLock } = navigator
  const screen = wakeLock && new ScreenLock(() => wakeLock.request('screen'))
  const capabilities = offered({
    notifications:
      Notification?.permission === 'granted'
        ? (args) => {
            const { title, body } = notificationOf(args)
            new Notification(title, { body })
            return { shown: true }
          }
        : undefined,
    'clipboard.write': clipboard?.writeText
      ? async (args) => {
          await clipboard.writeText!(textOf(args, 'text', MAX_TEXT))
          return { written: true }
        }
      : undefined,
    'screen.wakeLock': screen && (({ enabled }) => screen.set(enabled !== false))
  })
  const companion = new Companion({ status, ...options, capabilities: { ...capabilities, ...options.capabilities } })
  const { signal } = companion
  if (screen) signal.addEventListener('abort', () => void screen.set(false))
  // Refused by some browsers without a reason: the status then has no battery.
  void navigator.getBattery?.().then(
    (found) => {
      battery = found
      for (const event of ['levelchange', 'chargingchange']) found.addEventListener(event, () => companion.refresh(), { signal })
      companion.refresh()
    },
    () => {}
  )
  const { geolocation } = navigator
  if (watchLocation && geolocation) {
    const watch = geolocation.watchPosition(
      (position) => void companion.location.set(locationOf(position)).catch(() => {}),
      // The user did not allow it, or the device does not know: the gateway keeps the location it has.
      () => {}
    )
    signal.addEventListener('abort', () => geolocation.clearWatch(watch))
  }
  return companion
}

function locationOf({ coords: { latitude, longitude, accuracy }, timestamp }: Position): NodeLocation {
  return { latitude, longitude, accuracyMeters: accuracy, source: 'browser', capturedAt: Math.round(timestamp) }
}

/** Keeps the screen on. The browser releases the lock when the page is hidden. */
class ScreenLock {
  readonly #request: () => Promise<WakeLock>
  #lock: WakeLock | undefined

  constructor(request: () => Promise<WakeLock>) {
    this.#request = request
  }

  async set(enabled: boolean): Promise<{ readonly enabled: boolean }> {
    if (enabled && (!this.#lock || this.#lock.released)) this.#lock = await this.#request()
    if (!enabled) await this.#lock?.release()
    return { enabled }
  }
}
