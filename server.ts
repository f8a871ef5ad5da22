import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createSecureContext } from 'node:tls'
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { type Config, ConfigError, ConfigSource, checkListening, FileWatch, redactPaths } from './plugins/config/index.ts'
import { nearest } from './plugins/config/keys.ts'

const OPTIONS = {
  config: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' }
} as const

const HELP = `Usage: flynn-gateway [options]

  --config FILE   configuration (default: FLYNN_CONFIG, else flynn.yaml if there is one)
  --host HOST     address to listen on (default: 127.0.0.1)
  --port PORT     port to listen on (default: 18800; 0 takes a free one)
  -h, --help      this text
  -v, --version   the version

Every key of the configuration is an environment variable too: FLYNN_SERVER__PORT is server.port.
`

/** From sysexits.h where it has one, so that a supervisor can tell what is worth a restart: 78 never is. */
const EXIT = { failed: 1, usage: 2, unavailable: 69, config: 78 } as const

/** A client that takes longer to send one request is holding a socket. Fastify's default is to wait for ever. */
const REQUEST_TIMEOUT_MS = 120_000
/** On top of the grace of running turns: leaving behind those that do not hear (5 s), saying goodbye (2 s), the database. */
const SHUTDOWN_MARGIN_SECONDS = 10
/** What clients get to take their last answer, once no turn is left. */
const GOODBYE_MS = 2000

/** What a supervisor sends a program that is to read its configuration again. */
const RELOAD = 'SIGHUP'

class UsageError extends Error {}

/** One line a request, for those who look closely; the query string may hold what no log should. */
class RequestLog extends LogController {
  override incomingRequest(): void {}
  override routeNotFound(): void {}

  override requestCompleted(err: Error | null | undefined, req: FastifyRequest, res: FastifyReply): void {
    const line = { req, res, responseTime: res.elapsedTime }
    if (err) res.log.error({ ...line, err }, 'request failed')
    else res.log.debug(line, 'request completed')
  }
}

/** Runs the command. Resolves with the exit code, or with undefined once the gateway listens. */
export async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  let app: FastifyInstance | undefined
  let config: Config | undefined
  try {
    const flags = parse(args)
    if (flags.help || flags.version) {
      process.stdout.write(flags.help ? HELP : `${createRequire(import.meta.url)('#package.json').version}\n`)
      return 0
    }
    const source = new ConfigSource({ file: flags.config, env, flags: { host: flags.host, port: flags.port } })
    const watch = watchFile(source, () => app)
    await watch.mark()
    const load = async () => await loadWithTls(source)
    const { tls, ...loaded } = await load()
    config = loaded.config
    app = await build(config, tls)
    endIdleConnections(app, config)
    // Loaded only now: what is wrong with the configuration is told at once.
    const [{ default: gateway }, { nothingHere }] = await Promise.all([import('./app.ts'), import('./routes/nothing.ts')])
    app.setNotFoundHandler(nothingHere)
    await app.register(gateway, { config, reload: async () => (await load()).config })
    takeChanges(app, watch)
    await app.ready()
    const model = answering(app)
    const { host, port } = config.server
    // Before anybody is told that it runs, and may want it to end.
    shutDownOnSignals(app, config)
    await app.listen({ host, port, listenTextResolver: (address) => `Flynn gateway on ${address}, ${model}` })
  } catch (error) {
    await app?.close().catch(() => {})
    const [code, text] = explain(error as NodeJS.ErrnoException, config)
    process.stderr.write(`flynn-gateway: ${text}\n`)
    return code
  }
  return undefined
}

type Flags = { readonly [name in 'config' | 'host' | 'port']?: string } & { readonly [name in 'help' | 'version']?: boolean }

function parse(args: readonly string[]): Flags {
  const { values, tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`unexpected argument ${token.value}`)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(OPTIONS, token.name) ? OPTIONS[token.name as keyof typeof OPTIONS] : undefined
    const guess = nearest(token.name, Object.keys(OPTIONS))
    if (!option) throw new UsageError(`unknown option ${token.rawName}${guess ? `; did you mean --${guess}?` : ''}`)
    if (option.type === 'string' && !token.value) throw new UsageError(`${token.rawName} needs a value`)
    if (option.type === 'boolean' && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`)
  }
  return values as Flags
}

async function build({ log }: Config, tls: Tls | null): Promise<FastifyInstance> {
  const stream = process.stdout.isTTY ? { stream: (await import('pino-pretty')).default({ ignore: 'pid,hostname' }) } : {}
  return Fastify({
    logger: {
      level: log.level,
      redact: { paths: redactPaths(), censor: '***' },
      serializers: { req: ({ method, url, ip }: FastifyRequest) => ({ method, path: url.split('?', 1)[0], remoteAddress: ip }) },
      ...stream
    },
    logController: new RequestLog(),
    trustProxy: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // The two kinds of server differ in nothing that matters here, but do in their types.
    https: tls as null
  })
}

interface Tls {
  readonly cert: Buffer
  readonly key: Buffer
}

/** The configuration, with files that it names and that a gateway cannot start without. */
async function loadWithTls(source: ConfigSource): Promise<{ config: Config; tls: Tls | null }> {
  const config = await source.load()
  const { tls } = config.server
  return { config, tls: tls ? await readTls(tls) : null }
}

async function readTls({ cert, key }: { cert: string; key: string }): Promise<Tls> {
  try {
    const pair = { cert: await readFile(cert), key: await readFile(key) }
    createSecureContext(pair)
    return pair
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException
    // The system's own words hold the path of the file, and a client of the gateway may be told.
    throw new ConfigError([`server.tls cannot be used: ${syscall ? `${code}, a file cannot be read` : message}`])
  }
}

function answering(app: FastifyInstance): string {
  const { provider, model, offline } = app.gateway.providers.describe('default')
  return offline ? 'answered by the offline model' : `answered by ${provider} ${model}`
}

/**
 * No connection may hold up the shutdown: neither one kept alive after an answer given while closing, nor one that never
 * asks for anything.
 */
function endIdleConnections(app: FastifyInstance, { server }: Config): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
    void app.gateway?.lanes
      .close(server.shutdownGraceSeconds * 1000)
      .then(() => setTimeout(() => app.server.closeAllConnections(), GOODBYE_MS).unref())
  })
  app.addHook('onResponse', async () => {
    if (closing) app.server.closeIdleConnections()
  })
}

function shutDownOnSignals(app: FastifyInstance, { server }: Config): void {
  const delay = (server.shutdownGraceSeconds + SHUTDOWN_MARGIN_SECONDS) * 1000
  // A second signal ends the process at once.
  closeWithGrace(
    { delay, skip: reloadsOnSignal() ? [RELOAD] : [], logger: { error: (message) => app.log.error(message) } },
    async ({ err, signal }) => {
      if (err) app.log.fatal({ err }, 'closing after an error that nobody handled')
      else app.log.info({ signal }, 'closing')
      await app.close()
    }
  )
}

function watchFile(source: ConfigSource, app: () => FastifyInstance | undefined): FileWatch {
  return new FileWatch({
    file: source.file,
    changed: () => reload(app(), 'file'),
    emptied: () => app()?.log.warn('the configuration file is empty; nothing was changed, config.reload takes it as it is')
  })
}

/** What was wrong is in the log. */
function reload(app: FastifyInstance | undefined, actor: string): void {
  app?.gateway.settings.reload(actor).catch(() => {})
}

/** From a terminal the signal means that the terminal is gone: the gateway ends. */
function reloadsOnSignal(): boolean {
  return !process.stdout.isTTY
}

/** Who changes the file, or sends the signal, changes the gateway that runs. */
function takeChanges(app: FastifyInstance, watch: FileWatch): void {
  const { settings } = app.gateway
  settings.onPrepare((next) => {
    checkListening(next)
    return undefined
  })
  settings.onChange(({ log }) => {
    app.log.level = log.level
  })
  let closing = false
  app.addHook('onListen', async () => {
    // It stays until the end: unheard, the signal would kill a gateway that is closing.
    if (reloadsOnSignal()) process.on(RELOAD, () => closing || reload(app, RELOAD))
    watch.start()
  })
  app.addHook('preClose', async () => {
    closing = true
    watch.stop()
  })
}

/** Exit code and text for an error at start. */
function explain(error: NodeJS.ErrnoException, config: Config | undefined): [code: number, text: string] {
  if (error instanceof UsageError) return [EXIT.usage, `${error.message}\nSee flynn-gateway --help.`]
  if (error instanceof ConfigError) return [EXIT.config, error.message]
  if (error.code === 'EBUSY') {
    return [EXIT.unavailable, `${error.message}. Stop that one, or give this one a data_dir of its own (FLYNN_DATA_DIR).`]
  }
  if (!config || !['listen', 'getaddrinfo'].includes(error.syscall ?? '')) return [EXIT.failed, error.message]
  const why =
    {
      EADDRINUSE: 'the port is in use. Stop what listens there, or choose another one with --port (0 takes any that is free).',
      EACCES: 'not permitted. Ports below 1024 need privileges: choose another one with --port.'
    }[error.code ?? ''] ?? `${error.code}. Choose an address of this machine with --host.`
  return [EXIT.unavailable, `cannot listen on ${config.server.host}, port ${config.server.port}: ${why}`]
}

/** Started as a program, also through the link that a package manager makes of it. */
function isMain(): boolean {
  try {
    return createRequire(import.meta.url).resolve(process.argv[1] ?? '') === import.meta.filename
  } catch {
    return false
  }
}

if (isMain()) {
  const code = await run(process.argv.slice(2), process.env)
  if (code !== undefined) process.exit(code)
}
