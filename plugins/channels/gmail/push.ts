import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'
import type { Config } from '../../config/index.ts'
import { type InboundRequest, Refusal, sameSecret } from '../inbound.ts'
import { bearerOf, TokenVerifier } from '../jwt.ts'

type Settings = Config['gmail']

const ISSUERS = ['https://accounts.google.com', 'accounts.google.com']
const TOLERANCE_SECONDS = 60

const Envelope = Type.Object({
  message: Type.Object({ data: Type.String(), messageId: Type.Optional(Type.String()) }),
  subscription: Type.String()
})
const Notice = Type.Object({
  emailAddress: Type.String(),
  // Documented as a string, sent as a number.
  historyId: Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: '^\\d{1,20}$' })])
})

const checkEnvelope = compile<Static<typeof Envelope>>(Envelope, 'push')
const checkNotice = compile<Static<typeof Notice>>(Notice, 'notice')

/** What a push says: there is something new, up to here. */
export interface Pushed {
  readonly account: string
  readonly historyId: bigint
}

/** @throws Refusal 400 for what is no push of Pub/Sub */
export function envelopeOf(json: unknown): Static<typeof Envelope> {
  const checked = checkEnvelope(json)
  if ('issues' in checked) throw new Refusal(400, 'no wrapped push of Pub/Sub')
  return checked.value
}

/** Undefined: nothing can be made of it, now or when it is sent again. */
export function pushedIn({ message }: Static<typeof Envelope>): Pushed | undefined {
  try {
    const checked = checkNotice(JSON.parse(Buffer.from(message.data, 'base64').toString()))
    if ('issues' in checked) return undefined
    const { emailAddress, historyId } = checked.value
    return { account: emailAddress, historyId: BigInt(historyId) }
  } catch {
    return undefined
  }
}

/** Whether Pub/Sub has sent a push, for our subscription. */
export class PushVerifier {
  readonly #settings: () => Settings
  #verifier: TokenVerifier | undefined
  #of = ''

  constructor(settings: () => Settings) {
    this.#settings = settings
  }

  /** @throws Refusal 401, 403; 503 when the keys cannot be had */
  async verify({ headers, query }: Pick<InboundRequest, 'headers' | 'query'>, subscription: string): Promise<void> {
    const settings = this.#settings()
    if (settings.audience === undefined) {
      if (!sameSecret(query.get('token') ?? '', settings.pushToken ?? '')) throw new Refusal(401, 'the token of the URL is wrong')
    } else {
      const { claims } = await this.#current(settings.audience).verify(bearerOf(headers.authorization))
      // Google signs tokens for our audience for anybody: who asked for this one is what counts.
      if (claims.email !== settings.serviceAccount || claims.email_verified !== true) {
        throw new Refusal(401, 'the token is of another service account')
      }
    }
    // The token says nothing of the body.
    if (subscription !== settings.subscription) throw new Refusal(403, 'of another subscription')
  }

  #current(audience: string): TokenVerifier {
    const { keysUrl } = this.#settings()
    const of = JSON.stringify([audience, keysUrl])
    if (this.#verifier === undefined || this.#of !== of) {
      this.#of = of
      this.#verifier = new TokenVerifier({ jwksUrl: keysUrl, issuer: ISSUERS, audience, toleranceSeconds: TOLERANCE_SECONDS })
    }
    return this.#verifier
  }
}
