import { type Static, Type } from '@sinclair/typebox'
import { compile } from '../../../rpc/validate.ts'
import type { Config } from '../../config/index.ts'
import { type InboundRequest, Refusal, sameSecret } from '../inbound.ts'
import { bearerOf, TokenVerifier } from '../jwt.ts'

type Settings = Config['gmail']

const ISSUERS = ['https://accounts.google.com', 'accounts.google.com']
const TOLERANCE_SECONDS = 60

type Credentials = Pick<InboundRequest, 'headers' | 'query'>

const Envelope = Type.Object({
  message: Type.Object({ data: Type.String(), messageId: Type.Optional(Type.String()) }),
  subscription: Type.String()
})
const Notice = Type.Object({
  emailAddress: Type.String(),
  // Documented as a string and sent as a number.
  historyId: Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: '^\\d{1,20}$' })])
})

const checkEnvelope = compile<Static<typeof Envelope>>(Envelope, 'push')
const checkNotice = compile<Static<typeof Notice>>(Notice, 'notice')

/** Content of a push: the new end of the history of a mailbox. */
export interface Pushed {
  readonly account: string
  readonly historyId: bigint
}

/** @throws Refusal 400 for anything but a push of Pub/Sub */
export function envelopeOf(json: unknown): Static<typeof Envelope> {
  const checked = checkEnvelope(json)
  if ('issues' in checked) throw new Refusal(400, 'no wrapped push of Pub/Sub')
  return checked.value
}

/** Undefined: the push is unusable, now and when it is sent again. */
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

/** Verifies that Pub/Sub has sent a push, for the subscription of the configuration. */
export class PushVerifier {
  readonly #settings: () => Settings
  #verifier: TokenVerifier | undefined
  #of = ''

  constructor(settings: () => Settings) {
    this.#settings = settings
  }

  /** Checks that need no body. @throws Refusal 401 */
  precheck({ headers, query }: Credentials): void {
    const { audience, pushToken } = this.#settings()
    if (audience !== undefined) {
      if (headers.authorization === undefined) throw new Refusal(401, 'the token is missing')
    } else if (!sameSecret(query.get('token') ?? '', pushToken ?? '')) throw new Refusal(401, 'the token in the URL is wrong')
  }

  /** @throws Refusal 401; 503 when the keys cannot be fetched */
  async verify(request: Credentials): Promise<void> {
    this.precheck(request)
    const { audience, serviceAccount } = this.#settings()
    if (audience === undefined) return
    const { claims } = await this.#current(audience).verify(bearerOf(request.headers.authorization))
    // Google signs tokens with our audience for anyone: only the service account identifies the sender.
    if (claims.email !== serviceAccount || claims.email_verified !== true) {
      throw new Refusal(401, 'the token belongs to another service account')
    }
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
