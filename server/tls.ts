import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { type Config, ConfigError } from '../plugins/config/index.ts'

export interface Tls {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * Certificate and key of `server.tls`; null without it.
 * @throws ConfigError when a file cannot be read or the two do not fit
 */
export async function readTls({ server: { tls } }: Config): Promise<Tls | null> {
  if (!tls) return null
  try {
    const pair = { cert: await readFile(tls.cert), key: await readFile(tls.key) }
    createSecureContext(pair)
    return pair
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException
    // The message of a system error holds the path of the file, and a client of the gateway may see this text.
    throw new ConfigError([`server.tls cannot be used: ${syscall ? `${code}, a file cannot be read` : message}`])
  }
}
