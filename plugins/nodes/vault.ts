import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
/** NIST SP 800-38D section 5.2.1.1: 96 random bits, new for each text. */
const IV_BYTES = 12
const TAG_BYTES = 16

const PLAIN = 'plain:'
const SEALED = `${CIPHER}:`

/** Texts at rest: encrypted where there is a key, and marked as what they are, so that a key can be added later. */
export class Vault {
  readonly #key: Buffer | undefined

  /** `key`: 32 bytes in base64, `server.secret_key`. */
  constructor(key?: string) {
    this.#key = key === undefined ? undefined : Buffer.from(key, 'base64')
  }

  /** `place` is where the text is kept: it cannot be read anywhere else. */
  seal(text: string, place: string): string {
    if (!this.#key) return PLAIN + text
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(place))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return SEALED + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** Undefined: it was sealed with another key, or for another place, or was changed. */
  open(stored: string, place: string): string | undefined {
    if (stored.startsWith(PLAIN)) return stored.slice(PLAIN.length)
    const bytes = Buffer.from(stored.slice(SEALED.length), 'base64')
    if (!this.#key || !stored.startsWith(SEALED) || bytes.length < IV_BYTES + TAG_BYTES) return undefined
    const [iv, tag, sealed] = [
      bytes.subarray(0, IV_BYTES),
      bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
      bytes.subarray(IV_BYTES + TAG_BYTES)
    ]
    const decipher = createDecipheriv(CIPHER, this.#key, iv, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(place)).setAuthTag(tag)
    try {
      return Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8')
    } catch {
      return undefined
    }
  }

  /** Tells if `seal` would now encrypt a value that was stored in plain text. */
  exposes(stored: string): boolean {
    return this.#key !== undefined && stored.startsWith(PLAIN)
  }
}
