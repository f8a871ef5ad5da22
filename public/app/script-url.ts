interface Policy {
  createScriptURL(url: string): string
}
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): Policy
}

let policy: Policy | undefined

/** Of the files of the pages these alone are scripts. Beside them the gateway has files of people. */
const WORKER = new URL('./worker.js', location.href).href
const ASSETS = new URL('./assets/', location.href).href

/** URL of a worker of these pages, which the browser starts for the policy `flynn` alone. */
export function scriptUrl(url: string): string {
  policy ??= (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('flynn', {
    createScriptURL: (wanted) => {
      if (import.meta.env.DEV || wanted === WORKER || wanted.startsWith(ASSETS)) return wanted
      throw new TypeError(`${wanted} is no script of these pages`)
    }
  })
  const { href } = new URL(url, location.href)
  return policy ? policy.createScriptURL(href) : href
}
