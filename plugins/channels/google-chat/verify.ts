import type { JWTPayload } from 'jose'
import type { Config } from '../../config/index.ts'
import { Refusal, sameSecret } from '../inbound.ts'
import { bearerOf, TokenVerifier } from '../jwt.ts'
import type { ChatEvent } from './event.ts'

type Settings = Config['googleChat']

const CHAT = 'chat@system.gserviceaccount.com'
const GOOGLE = ['https://accounts.google.com', 'accounts.google.com']
const ADD_ON = /^service-\d+@gcp-sa-gsuiteaddons\.iam\.gserviceaccount\.com$/
const TOLERANCE_SECONDS = 60

/** Whether Google Chat has sent an event: by the token that its app's settings ask for, and by no other one. */
export class ChatVerifier {
  readonly #settings: () => Settings
  #verifier: TokenVerifier | undefined
  #of = ''

  constructor(settings: () => Settings) {
    this.#settings = settings
  }

  /**
   * The event, which is not read before its token is believed unless the token stands in it. Undefined: it is none.
   * @throws Refusal 401; 503 when the keys cannot be had
   */
  async verify(authorization: string | undefined, read: () => ChatEvent | undefined): Promise<ChatEvent | undefined> {
    const { audience, audienceType, addOnPrincipal, verificationToken } = this.#settings()
    if (audience === undefined) {
      const found = read()
      if (!sameSecret(found?.event.token ?? '', verificationToken ?? ''))
        throw new Refusal(401, 'the verification token is wrong')
      return found
    }
    const verifier = this.#current(audience)
    const bearer = bearerOf(authorization)
    const signed = bearer === undefined ? undefined : await verifier.verify(bearer)
    const found = read()
    const { claims } = signed ?? (await verifier.verify(found?.systemIdToken))
    if (audienceType === 'project-number') return found
    if (claims.email_verified !== true) throw new Refusal(401, 'the token is of an address that is not verified')
    if (!isChat(claims, found?.addOn ? addOnPrincipal : undefined)) throw new Refusal(401, 'the token is not that of Google Chat')
    return found
  }

  #current(audience: string): TokenVerifier {
    const { audienceType, oidcKeysUrl, chatKeysUrl } = this.#settings()
    const of = JSON.stringify([audience, audienceType, oidcKeysUrl, chatKeysUrl])
    if (this.#verifier === undefined || this.#of !== of) {
      const byUrl = audienceType === 'app-url'
      const rules = byUrl ? { jwksUrl: oidcKeysUrl, issuer: GOOGLE } : { jwksUrl: chatKeysUrl, issuer: CHAT }
      this.#of = of
      this.#verifier = new TokenVerifier({ ...rules, audience, toleranceSeconds: TOLERANCE_SECONDS })
    }
    return this.#verifier
  }
}

/** The address of an add-on says only that it is some add-on: which one, its number does. */
function isChat({ email, sub }: JWTPayload, addOnPrincipal: string | undefined): boolean {
  if (email === CHAT) return true
  return addOnPrincipal !== undefined && typeof email === 'string' && ADD_ON.test(email) && sub === addOnPrincipal
}
