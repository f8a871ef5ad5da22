import { type Signal, signal } from '@preact/signals'
import { access, base, client } from '../app/gateway.ts'
import { hold } from '../app/unsaved.ts'
import { type FileLimits, USUAL_LIMITS } from './file-check.ts'
import { shrink } from './shrink.ts'
import { Tray } from './tray.ts'
import { upload } from './upload.ts'

/** Keys of the store of the client: files of the message that is being written, by session. */
const FILES = 'flynn:files:'

interface Kept {
  readonly tray: Tray
  readonly changes: Signal<number>
}

/** Trays by session: uploads go on while another conversation is looked at. */
const trays = new Map<string, Kept>()

/** Limits of this gateway, once it was asked. */
export const limits = signal<FileLimits & { readonly maxMessageCharacters?: number }>(USUAL_LIMITS)

client.onConnected(() => {
  client.call('system.capabilities', {}).then(
    (said) => {
      if (said.limits) limits.value = said.limits
    },
    () => {}
  )
})
client.onState(({ name }) => {
  for (const { tray } of trays.values()) {
    if (name === 'stopped') tray.close()
    else tray.wake()
  }
  // The next person to log in has files of their own.
  if (name === 'stopped') trays.clear()
})

function make(sessionId: string): Kept {
  const changes = signal(0)
  /** Lets the page be reloaded again. */
  let release: (() => void) | undefined
  const { store } = client
  const key = FILES + sessionId
  const tray = new Tray({
    upload: (request) => upload({ ...request, base, headers: access.headers() }),
    shrink,
    connected: () => client.state.name === 'connected',
    onChange: () => {
      changes.value++
      // Only this page has their content.
      const isOpen = tray.files.some(({ here, state }) => here && state !== 'ready')
      if (isOpen) release ??= hold('A file is not uploaded yet.')
      else {
        release?.()
        release = undefined
      }
    },
    save: (saved) => void (saved === undefined ? store?.delete(key) : store?.set(key, saved))?.catch(() => {}),
    limits: () => limits.value
  })
  void store?.get(key).then(
    (saved) => tray.open(saved),
    () => {}
  )
  return { tray, changes }
}

/** The files beside the input field of a session. A component that asks is drawn again when they change. */
export function useTray(sessionId: string): Tray {
  let kept = trays.get(sessionId)
  if (!kept) {
    // Those without anything cost nothing to make again.
    for (const [id, { tray }] of trays) {
      if (!tray.empty) continue
      tray.close()
      trays.delete(id)
    }
    kept = make(sessionId)
    trays.set(sessionId, kept)
  }
  void kept.changes.value
  return kept.tray
}
