interface Policy {
  createScriptURL(url: string): string
}
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): Policy
}

let policy: Policy | undefined

/** URL of a worker of these pages, which the browser starts for the policy `flynn` alone. Only files of the pages are. */
export function scriptUrl(url: string): string {
  policy ??= (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('flynn', {
    createScriptURL: (wanted) => {
      if (wanted.startsWith(new URL('./', location.href).href)) return wanted
      throw new TypeError(`${wanted} is no script of these pages`)
    }
  })
  const { href } = new URL(url, location.href)
  return policy ? policy.createScriptURL(href) : href
}
