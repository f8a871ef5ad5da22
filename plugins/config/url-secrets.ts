/** Some services put the key into the path of an address: `https://hooks.example.com/services/T0/B0/x7Qm…`. */

const HIDDEN = '***'
/** Length from which a part of a path with a digit in it counts as a key. `v1`, `deployments` and names of models stay readable. */
const LEAST_KEY = 16
const KEY = /^(?=.*\d)[\w~.=+-]+$/

/** An address up to its host. A text that is no address, such as a conversation, stays as it is. */
export function hostOnly(text: string): string {
  const [, host, rest] = /^(https?:\/\/[^/?#]*)(.*)$/.exec(text) ?? []
  return host === undefined || rest === '' || rest === '/' ? text : `${host}/${HIDDEN}`
}

/** An address whose path shows no keys. */
export function withoutKeys(text: string): string {
  const keys = new Set(keysIn(text))
  return keys.size === 0 ? text : mapParts(text, (part) => (keys.has(part) ? HIDDEN : part))
}

/** Parts of the path of an address that look like keys. */
export function keysIn(text: string): string[] {
  const keys: string[] = []
  mapParts(text, (part) => {
    if (part.length >= LEAST_KEY && KEY.test(part)) keys.push(part)
    return part
  })
  return keys
}

function mapParts(text: string, map: (part: string) => string): string {
  const [, host, rest] = /^(https?:\/\/[^/?#]*)(.*)$/.exec(text) ?? []
  if (host === undefined || rest === undefined) return text
  return (
    host +
    rest
      .split(/([/?&=#])/)
      .map((part, index) => (index % 2 === 0 ? map(part) : part))
      .join('')
  )
}
