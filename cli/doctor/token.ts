import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isLoopback } from '../../plugins/config/parse/checks.ts'
import type { Config } from '../../plugins/config/schema.ts'
import { type Finding, fail, pass, reasonOf, warn } from './finding.ts'

/** Fewer can be guessed by whoever has the time; a generated token has 256. */
const WEAK_BITS = 64

const FIX = 'use a generated one: openssl rand -base64 32'

/** Whether tokens can be guessed. They are told by their names. */
export function checkTokens({ server }: Config): Finding[] {
  const tokens = [...(server.token === undefined ? [] : [{ name: 'server.token', token: server.token }]), ...server.tokens]
  if (tokens.length === 0) {
    return [
      warn(
        'token',
        'there is none: every program of this machine may do everything',
        'set server.token, or let flynn-gateway init do it'
      )
    ]
  }
  const weak = tokens.filter(({ token }) => bitsOf(token) < WEAK_BITS).map(({ name }) => name)
  if (weak.length === 0) return [pass('token', `${tokens.length === 1 ? 'it is' : 'all are'} hard to guess`)]
  const finding = isLoopback(server.host) ? warn : fail
  return [finding('token', `easy to guess: ${weak.join(', ')}`, FIX)]
}

/** At the most: a word of the language has less. What repeats itself counts once. */
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

/** The keys that browsers know this gateway by, and what wakes companion devices, for whoever has a copy of the database. */
export async function checkPushKeys({ dataDir, server }: Config): Promise<Finding> {
  const fault = await readFile(join(dataDir, VAPID_FILE), 'utf8').then(
    (text) => (hasKeys(text) ? undefined : 'holds no keys'),
    (error) => (reasonOf(error) === 'ENOENT' ? undefined : `cannot be read: ${reasonOf(error)}`)
  )
  if (fault) {
    return fail(
      'push',
      `${VAPID_FILE} in data_dir ${fault}`,
      'put back the right one; without it browsers have to subscribe anew'
    )
  }
  if (!server.nodes.push.enabled) return pass('push', 'no push tokens of devices are kept')
  if (server.secretKey !== undefined) return pass('push', 'push tokens are encrypted')
  return warn('push', 'push tokens are stored as they are', 'set server.secret_key to what openssl rand -base64 32 prints')
}

function hasKeys(text: string): boolean {
  try {
    const { publicKey, privateKey } = JSON.parse(text) as Record<string, unknown>
    return typeof publicKey === 'string' && typeof privateKey === 'string'
  } catch {
    return false
  }
}
