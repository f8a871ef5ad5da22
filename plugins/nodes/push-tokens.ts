import { createHash } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import type { NodeRow, StoredPush } from '../../db/client.ts'
import { type Issue, invalidParams } from '../../rpc/errors.ts'
import type { PushToken, PushTokenParams } from './schema.ts'
import type { Vault } from './vault.ts'

/** Formats of the tokens of each service. Neither service documents a maximum length. */
const SHAPES = {
  // 32 bytes today. In angle brackets or braces it is what a device prints for people, and not the token.
  apns: { pattern: /^(?:[0-9a-f]{2}){32,200}$/i, expected: 'the token of APNs in hex: 64 to 400 digits, an even number' },
  fcm: { pattern: /^[A-Za-z0-9_:.-]{32,4096}$/, expected: 'a registration token of FCM: 32 to 4096 letters, digits and _ : . -' }
} as const

const SHOWN = 4
/** Shown for a token that is unreadable, or so short that its ends would reveal too much. */
const HIDDEN = '***'
const MIN_SHOWN = 32

/** A token that is what its provider gives out, in one spelling. */
export function checkedToken({ provider, token, environment, topic }: Static<typeof PushTokenParams>): string {
  const { pattern, expected } = SHAPES[provider]
  const issues: Issue[] = []
  // Never quoted, not even a wrong one: it may be right for the other provider.
  if (!pattern.test(token)) issues.push({ path: 'params.token', message: `must be ${expected}` })
  for (const [name, value] of Object.entries({ environment, topic })) {
    if (value !== undefined && provider !== 'apns')
      issues.push({ path: `params.${name}`, message: 'is for the provider apns only' })
  }
  if (issues.length > 0) throw invalidParams(issues)
  return provider === 'apns' ? token.toLowerCase() : token
}

/** Digest: the same for equal tokens, and reveals nothing of a token. */
export function digestOf(provider: string, token: string): string {
  return createHash('sha256').update(`${provider}:${token}`).digest('base64')
}

/** Place of a node's token, for the vault. */
export function placeOf(nodeId: string): string {
  return `nodes.push:${nodeId}`
}

/** Public view of a stored token. */
export function shown({ id, push }: Pick<NodeRow, 'id'> & { push: StoredPush }, vault: Vault): Static<typeof PushToken> {
  const { token: stored, ...rest } = push
  const token = vault.open(stored, placeOf(id))
  return { ...rest, tokenPreview: preview(token ?? ''), readable: token !== undefined }
}

function preview(token: string): string {
  return token.length < MIN_SHOWN ? HIDDEN : `${token.slice(0, SHOWN)}...${token.slice(-SHOWN)}`
}
