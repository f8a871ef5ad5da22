import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isLoopback } from '../../plugins/config/parse/checks.ts'
import type { Config } from '../../plugins/config/schema.ts'
import { type Finding, fail, pass, reasonOf, warn } from './finding.ts'

/** Fewer bits can be guessed with enough time; a generated token has 256. */
const WEAK_BITS = 64

const FIX = 'use a generated one: openssl rand -base64 32'

/** Checks that tokens are hard to guess. They are reported by name. */
export function checkTokens({ server }: Config): Finding[] {
  const tokens = [...(server.token === undefined ? [] : [{ name: 'server.token', token: server.token }]), ...server.tokens]
  if (tokens.length === 0) {
    return [
      warn('token', 'not set: every program of this machine has full access', 'set server.token, or run flynn-gateway init')
    ]
  }
  const weak = tokens.filter(({ token }) => bitsOf(token) < WEAK_BITS).map(({ name }) => name)
  if (weak.length === 0) return [pass('token', `${tokens.length === 1 ? 'it is' : 'all are'} hard to guess`)]
  const finding = isLoopback(server.host) ? warn : fail
  return [finding('token', `easy to guess: ${weak.join(', ')}`, FIX)]
}

/** Upper bound of the entropy; repeated characters count once. */
function bitsOf(token: string): number {
  const different = new Set(token).size
  const alphabets: readonly [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/\d/, 10],
    [/[^A-Za-z\d]/, 20]
  ]
  const alphabet = alphabets.reduce((sum, [has, size]) => sum + (has.test(token) ? size : 0), 0)
  return Math.min(token.length, different * 3) * Math.log2(Math.max(alphabet, 2))
}

const VAPID_FILE = 'vapid.json'

/** Checks the VAPID keys of browsers, and the encryption of push tokens in the database. */
export async function checkPushKeys({ dataDir, server }: Config): Promise<Finding> {
  const fault = await readFile(join(dataDir, VAPID_FILE), 'utf8').then(
    (text) => (hasKeys(text) ? undefined : 'holds no keys'),
    (error) => (reasonOf(error) === 'ENOENT' ? undefined : `cannot be read: ${reasonOf(error)}`)
  )
  if (fault) {
    return fail(
      'push',
      `${VAPID_FILE} in data_dir ${fault}`,
      'restore the right file; without it browsers have to subscribe again'
    )
  }
  if (!server.nodes.push.enabled) return pass('push', 'no push tokens of devices are stored')
  if (server.secretKey !== undefined) return pass('push', 'push tokens are encrypted')
  return warn('push', 'push tokens are stored in plain text', 'set server.secret_key to the output of openssl rand -base64 32')
}

function hasKeys(text: string): boolean {
  try {
    const { publicKey, privateKey } = JSON.parse(text) as Record<string, unknown>
    return typeof publicKey === 'string' && typeof privateKey === 'string'
  } catch {
    return false
  }
}
