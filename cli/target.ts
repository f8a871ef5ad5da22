import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { settingsIn } from '../plugins/config/parse/environment.ts'
import { loadConfig } from '../plugins/config/parse/load.ts'
import { Problems } from '../plugins/config/parse/problems.ts'
import { type Config, ConfigSchema } from '../plugins/config/schema.ts'
import { UsageError } from './exit.ts'

/** Flags that select the gateway. */
export interface TargetFlags {
  readonly config?: string
  readonly url?: string
}

export interface Target {
  /** `http://127.0.0.1:18800`, without a slash at the end. */
  readonly url: string
  readonly token?: string | undefined
  /** The only certificate to trust: that of the configuration, with any issuer. */
  readonly certificate?: Buffer | undefined
}

/**
 * Finds the gateway of the configuration, or the one at `url`. The token of the configuration is never sent to another gateway: with
 * `url` it is read from FLYNN_TOKEN.
 * @throws UsageError, ConfigError
 */
export async function findTarget({ config: file, url }: TargetFlags, env: NodeJS.ProcessEnv): Promise<Target> {
  if (url !== undefined) return { url: addressOf(url), token: await tokenIn(env) }
  return await targetOf(await loadConfig({ file, env }))
}

/** @throws UsageError when the port is not known */
export async function targetOf({ server }: Config): Promise<Target> {
  if (server.port === 0)
    throw new UsageError('server.port is 0, so the address is only in the log of the gateway: pass it with --url')
  const { tls } = server
  return {
    url: `${tls ? 'https' : 'http'}://${reachable(server.host)}:${server.port}`,
    token: server.token ?? (server.tokens.find(({ scopes }) => scopes.includes('admin')) ?? server.tokens[0])?.token,
    certificate: tls ? await readFile(tls.cert) : undefined
  }
}

/** Wildcard addresses are reached through loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return isIPv6(host) ? `[${host}]` : host
}

function addressOf(text: string): string {
  const url = URL.parse(text.replace(/^ws(s?):/i, 'http$1:'))
  if (!url?.host || !/^https?:$/.test(url.protocol))
    throw new UsageError('--url must be an address such as http://127.0.0.1:18800')
  if (url.username || url.password || url.search) throw new UsageError('--url takes no credentials: set FLYNN_TOKEN')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

const TOKEN = /^FLYNN_(?:SERVER__)?TOKEN(?:_FILE)?$/

async function tokenIn(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const problems = new Problems()
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => TOKEN.test(name)))
  const [setting] = await settingsIn(own, ConfigSchema, problems)
  problems.throw()
  return setting?.text
}
