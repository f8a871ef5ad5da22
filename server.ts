import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createSecureContext } from 'node:tls'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { destination } from 'pino'
import { EXIT } from './cli/exit.ts'
import {
  type Config,
  ConfigError,
  ConfigSource,
  checkListening,
  FileWatch,
  maskerOf,
  redactPaths
} from './plugins/config/index.ts'
import { maskingLog, OwnLog } from './plugins/observability/own-log.ts'
import type { Masker } from './security/masking/masker.ts'

/** A client that takes longer to send one request is holding a socket. Fastify's default is to wait for ever. */
const REQUEST_TIMEOUT_MS = 120_000
/** On top of the grace of running turns: leaving behind those that do not hear (5 s), saying goodbye (2 s), the database. */
const SHUTDOWN_MARGIN_SECONDS = 10
/** What clients get to take their last answer, once no turn is left. */
const GOODBYE_MS = 2000

/** What a supervisor sends a program that is to read its configuration again. */
const RELOAD = 'SIGHUP'

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

/** What `flynn-gateway start` may be told. */
export interface StartFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
}

/** Starts a gateway. Resolves with undefined once it listens, else with the exit code: what was wrong is then on stderr. */
export async function serve(flags: StartFlags, env: NodeJS.ProcessEnv): Promise<number | undefined> {
  let app: FastifyInstance | undefined
  let config: Config | undefined
  try {
    const source = new ConfigSource({ file: flags.config, env, flags: { host: flags.host, port: flags.port } })
    const watch = watchFile(source, () => app)
    await watch.mark()
    const load = async () => await loadWithTls(source)
    const { tls, ...loaded } = await load()
    config = loaded.config
    // Until the gateway is there, which then knows what is in force.
    const atStart = maskerOf(config)
    const ownLog = new OwnLog(await written())
    app = build({ config, tls, ownLog, masker: () => app?.gateway?.configStore.masker ?? atStart })
    endIdleConnections(app, config)
    // Loaded only now: what is wrong with the configuration is told at once.
    const [{ default: gateway }, { nothingHere }] = await Promise.all([import('./app.ts'), import('./routes/nothing.ts')])
    app.setNotFoundHandler(nothingHere)
    await app.register(gateway, { config, reload: async () => (await load()).config, ownLog })
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

/** Where the log goes: to a terminal for people, else as it is. */
async function written(): Promise<{ write(line: string): unknown }> {
  if (process.stdout.isTTY) return (await import('pino-pretty')).default({ ignore: 'pid,hostname' })
  // Each line at once: the last ones before an end count most.
  return destination({ dest: process.stdout.fd, sync: true })
}

interface Building {
  readonly config: Config
  readonly tls: Tls | null
  readonly ownLog: OwnLog
  readonly masker: () => Masker
}

function build({ config, tls, ownLog, masker }: Building): FastifyInstance {
  const { serializers, ...masking } = maskingLog(masker)
  const pathOf = (url: string): string => masker().mask(url.split('?', 1)[0]!).text
  return Fastify({
    logger: {
      level: config.log.level,
      stream: ownLog,
      redact: { paths: redactPaths(), censor: '***' },
      ...masking,
      serializers: {
        ...serializers,
        req: ({ method, url, ip }: FastifyRequest) => ({ method, path: pathOf(url), remoteAddress: ip })
      }
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
  app?.gateway.configStore.reload(actor).catch(() => {})
}

/** From a terminal the signal means that the terminal is gone: the gateway ends. */
function reloadsOnSignal(): boolean {
  return !process.stdout.isTTY
}

/** Who changes the file, or sends the signal, changes the gateway that runs. */
function takeChanges(app: FastifyInstance, watch: FileWatch): void {
  const { configStore } = app.gateway
  configStore.onPrepare((next) => {
    checkListening(next)
    return undefined
  })
  configStore.onChange(({ log }) => {
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

// `node server.ts` is `flynn-gateway`. Not awaited: the command line is going to load this file.
if (isMain()) void import('./cli.ts')
