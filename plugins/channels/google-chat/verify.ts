import type { JWTPayload } from 'jose'
import type { Config } from '../../config/index.ts'
import { Refusal, sameSecret } from '../inbound.ts'
import { bearerOf, TokenVerifier } from '../jwt.ts'
import { credentialsIn, isAddOn } from './event.ts'

type Settings = Config['googleChat']

const CHAT = 'chat@system.gserviceaccount.com'
const GOOGLE = ['https://accounts.google.com', 'accounts.google.com']
const ADD_ON = /^service-\d+@gcp-sa-gsuiteaddons\.iam\.gserviceaccount\.com$/
const TOLERANCE_SECONDS = 60

/** Verifies that Google Chat has sent an event: by the kind of token that the app's settings name, and by no other. */
export class ChatVerifier {
  readonly #settings: () => Settings
  #verifier: TokenVerifier | undefined
  #key = ''

  constructor(settings: () => Settings) {
    this.#settings = settings
  }

  /**
   * Verifies the token of the header, or the one in the body where the header has none. The body is not parsed before the token of the header is
   * verified.
   * @returns the parsed body
   * @throws Refusal 401; 503 when the keys cannot be fetched; SyntaxError for a body that is no JSON
   */
  async verify(authorization: string | undefined, parse: () => unknown): Promise<unknown> {
    const { audience, audienceType, addOnPrincipal, verificationToken } = this.#settings()
    if (audience === undefined) {
      const json = parse()
      if (!sameSecret(credentialsIn(json).token ?? '', verificationToken ?? ''))
        throw new Refusal(401, 'the verification token is wrong')
      return json
    }
    const verifier = this.#current(audience)
    const bearer = bearerOf(authorization)
    const signed = bearer === undefined ? undefined : await verifier.verify(bearer)
    const json = parse()
    const { claims } = signed ?? (await verifier.verify(credentialsIn(json).systemIdToken))
    if (audienceType === 'project-number') return json
    if (claims.email_verified !== true) throw new Refusal(401, 'the address in the token is not verified')
    if (!isChat(claims, isAddOn(json) ? addOnPrincipal : undefined)) throw new Refusal(401, 'the token is not one of Google Chat')
    return json
  }

  #current(audience: string): TokenVerifier {
    const { audienceType, oidcKeysUrl, chatKeysUrl } = this.#settings()
    const key = JSON.stringify([audience, audienceType, oidcKeysUrl, chatKeysUrl])
    if (this.#verifier === undefined || this.#key !== key) {
      const byUrl = audienceType === 'app-url'
      const rules = byUrl ? { jwksUrl: oidcKeysUrl, issuer: GOOGLE } : { jwksUrl: chatKeysUrl, issuer: CHAT }
      this.#key = key
      this.#verifier = new TokenVerifier({ ...rules, audience, toleranceSeconds: TOLERANCE_SECONDS })
    }
    return this.#verifier
  }
}

/** The address of an add-on says only that it is an add-on; its number says which one. */
function isChat({ email, sub }: JWTPayload, addOnPrincipal: string | undefined): boolean {
  if (email === CHAT) return true
  return addOnPrincipal !== undefined && typeof email === 'string' && ADD_ON.test(email) && sub === addOnPrincipal
}
