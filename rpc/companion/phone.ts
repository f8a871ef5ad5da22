import { notificationOf, textOf, webAddressOf } from './arguments.ts'
import { Companion, type CompanionOptions, type NodeLocation, type NodeStatus, type PushToken } from './companion.ts'
import { MAX_TEXT, offered } from './offers.ts'

/** Functions of the app that hosts the JavaScript runtime. Every one may be missing: what it would offer is then not offered. */
export interface PhoneBridge {
  /** Shows a local notification. */
  showNotification?(notification: { readonly title: string; readonly body: string }): void | Promise<void>
  readClipboard?(): string | Promise<string>
  writeClipboard?(text: string): void | Promise<void>
  /** Opens an address that begins with https:// or http://. */
  openLink?(url: string): void | Promise<void>
  /** Charge in percent, power source, name of the device, version of the app. */
  status?(): NodeStatus | Promise<NodeStatus>
  /** Calls back when `status` would answer something else. Returns the function that removes the listener. */
  onStatusChange?(listener: () => void): () => void
  /** Calls back with each reading. Returns the function that ends it. */
  watchLocation?(listener: (location: NodeLocation) => void): () => void
  /** Calls back with the token, at once when it is known, and with each new one: of APNs in hex, or of FCM. */
  onPushToken?(listener: (token: string) => void): () => void
  /** Calls back when the app comes to the foreground or leaves it. */
  onForeground?(listener: (foreground: boolean) => void): () => void
}

export interface PhoneOptions {
  readonly bridge: PhoneBridge
  /**
   * Rule for an app in the background: `disconnect` ends the connection, and a push wakes the app; `stay` keeps it while the
   * system permits. Default: `disconnect` on iOS, which suspends an app with open sockets, `stay` on Android.
   */
  readonly background?: 'disconnect' | 'stay'
}

export interface IosOptions extends PhoneOptions {
  /** Service of APNs that the token belongs to, and bundle id of the app. Default of the gateway. */
  readonly apns?: { readonly environment?: 'production' | 'sandbox'; readonly topic?: string }
}

/** A companion in an iOS app: capabilities and status are those of the bridge. */
export function iosCompanion({ apns, ...options }: CompanionOptions & IosOptions): Companion {
  return phoneCompanion(
    { platform: 'ios', tokenOf: (token) => ({ provider: 'apns', token, ...apns }), background: 'disconnect' },
    options
  )
}

/** A companion in an Android app: capabilities and status are those of the bridge. */
export function androidCompanion(options: CompanionOptions & PhoneOptions): Companion {
  return phoneCompanion({ platform: 'android', tokenOf: (token) => ({ provider: 'fcm', token }), background: 'stay' }, options)
}

interface Phone {
  readonly platform: 'ios' | 'android'
  readonly background: 'disconnect' | 'stay'
  readonly tokenOf: (token: string) => PushToken
}

function phoneCompanion(
  phone: Phone,
  { bridge, background = phone.background, ...options }: CompanionOptions & PhoneOptions
): Companion {
  const companion = new Companion({
    status: async () => ({ platform: phone.platform, ...(await bridge.status?.()) }),
    ...options,
    capabilities: { ...capabilitiesOf(bridge), ...options.capabilities }
  })
  const stops = [
    bridge.onStatusChange?.(() => companion.refresh()),
    bridge.watchLocation?.((location) => void companion.location.set(location).catch(() => {})),
    followToken(companion, bridge, phone.tokenOf),
    background === 'disconnect' ? followForeground(companion, bridge) : undefined
  ]
  companion.signal.addEventListener('abort', () => {
    for (const stop of stops) stop?.()
  })
  return companion
}

function capabilitiesOf(bridge: PhoneBridge) {
  return offered({
    notifications:
      bridge.showNotification &&
      (async (args) => {
        await bridge.showNotification!(notificationOf(args))
        return { shown: true }
      }),
    'clipboard.read': bridge.readClipboard && (async () => ({ text: await bridge.readClipboard!() })),
    'clipboard.write':
      bridge.writeClipboard &&
      (async (args) => {
        await bridge.writeClipboard!(textOf(args, 'text', MAX_TEXT))
        return { written: true }
      }),
    'link.open':
      bridge.openLink &&
      (async (args) => {
        await bridge.openLink!(webAddressOf(args))
        return { opened: true }
      })
  })
}

/** Sends the token after each registration, and when it is a new one: the gateway removes one that APNs or FCM no longer knows. */
function followToken(companion: Companion, bridge: PhoneBridge, tokenOf: Phone['tokenOf']): (() => void) | undefined {
  let token: string | undefined
  const send = (): void => {
    if (token !== undefined && companion.state.name === 'registered') {
      // A gateway without push refuses it, which is no fault of the app.
      companion.pushToken.set(tokenOf(token)).catch(() => {})
    }
  }
  const removeState = companion.onState(send)
  const removeToken = bridge.onPushToken?.((next) => {
    token = next
    send()
  })
  return () => {
    removeState()
    removeToken?.()
  }
}

function followForeground(companion: Companion, bridge: PhoneBridge): (() => void) | undefined {
  return bridge.onForeground?.((foreground) => {
    if (!foreground) void companion.client.close()
    else {
      companion.client.connect()
      companion.client.wake()
    }
  })
}
