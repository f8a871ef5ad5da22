import type { DescribedCapability, Handler } from './invocations.ts'

const text = (description: string, maxLength: number) => ({ type: 'string', minLength: 1, maxLength, description })

/** Schema of an object without other members than these. */
const object = (properties: Readonly<Record<string, object>> = {}, required: readonly string[] = []) => ({
  type: 'object',
  properties,
  ...(required.length > 0 ? { required } : {}),
  additionalProperties: false
})

/** Characters that a clipboard may get in one call. */
export const MAX_TEXT = 512 * 1024
export const MAX_TITLE = 256
export const MAX_BODY = 2048
export const MAX_URL = 2048

/** Capabilities that platforms offer, by name: the same arguments everywhere. */
const OFFERS = {
  notifications: {
    description: 'Shows a notification on the device',
    params: object(
      { title: text('First line', MAX_TITLE), body: { type: 'string', maxLength: MAX_BODY, description: 'Text below it' } },
      ['title']
    )
  },
  'clipboard.read': { description: 'Reads the text of the clipboard', params: object() },
  'clipboard.write': {
    description: 'Replaces the text of the clipboard',
    params: object({ text: text('The new text', MAX_TEXT) }, ['text'])
  },
  'link.open': {
    description: 'Opens a web page in the browser of the device',
    params: object({ url: text('Address that begins with https:// or http://', MAX_URL) }, ['url'])
  },
  'screen.capture': { description: 'Takes a picture of the screen', params: object() },
  'screen.wakeLock': {
    description: 'Keeps the screen on, or lets it turn off again',
    params: object({ enabled: { type: 'boolean', default: true } })
  }
} as const

/** Capabilities by name, without those whose part of the platform is missing. */
export function offered(
  handlers: Readonly<Partial<Record<keyof typeof OFFERS, Handler | '' | undefined>>>
): Record<string, DescribedCapability> {
  const capabilities: Record<string, DescribedCapability> = {}
  for (const [name, run] of Object.entries(handlers)) {
    if (typeof run === 'function') capabilities[name] = { ...OFFERS[name as keyof typeof OFFERS], run }
  }
  return capabilities
}
