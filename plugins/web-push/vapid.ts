import { randomUUID } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Identity of the sender of notifications (RFC 8292): a pair of keys on P-256, in base64url. */
export interface VapidKeys {
  readonly publicKey: string
  readonly privateKey: string
}

const FILE = 'vapid.json'
/** 65 and 32 bytes. */
const SHAPES = { publicKey: /^[A-Za-z0-9_-]{87}$/, privateKey: /^[A-Za-z0-9_-]{43}$/ }

/**
 * Keys of this gateway, created on first use and kept: subscriptions are bound to them, and other keys would orphan all.
 * @throws Error when the file exists and holds no keys: it is never replaced
 */
export async function vapidKeys(dataDir: string): Promise<VapidKeys> {
  const file = join(dataDir, FILE)
  return (await kept(file)) ?? (await made(file))
}

async function kept(file: string): Promise<VapidKeys | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const keys = parsed(text)
  if (keys) return keys
  throw new Error(`${FILE} in the data folder holds no keys for web push: restore it, or remove it to start with new keys`)
}

function parsed(text: string): VapidKeys | undefined {
  try {
    const { publicKey, privateKey } = JSON.parse(text) as Record<string, unknown>
    if (typeof publicKey !== 'string' || typeof privateKey !== 'string') return undefined
    return SHAPES.publicKey.test(publicKey) && SHAPES.privateKey.test(privateKey) ? { publicKey, privateKey } : undefined
  } catch {
    return undefined
  }
}

/** Creates the file, whole or not at all. The second of two processes takes the keys of the first. */
async function made(file: string): Promise<VapidKeys> {
  const { default: webPush } = await import('web-push')
  const half = `${file}.${randomUUID()}`
  try {
    await writeFile(half, `${JSON.stringify(webPush.generateVAPIDKeys())}\n`, { mode: 0o600, flag: 'wx' })
    await link(half, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(half, { force: true })
  }
  return (await kept(file))!
}
