import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Config, ConfigSource, checkListening, FileWatch, maskerOf } from '../plugins/config/index.ts'
import { OwnLog } from '../plugins/observability/own-log.ts'
import type { Masker } from '../security/masking/masker.ts'
import { normalizeForwarded, type Trust, trustOf } from '../security/trusted-proxies.ts'
import { loggerOptions, logTarget, RequestLog } from './log.ts'
import { requireNode } from './node-version.ts'
import { Signals } from './signals.ts'
import { Sockets } from './sockets.ts'
import { readTls, type Tls } from './tls.ts'

/** A client that takes longer to send one request only holds a socket. Fastify's default is no limit. */
const REQUEST_TIMEOUT_MS = 120_000
/** A client that takes longer to send the head of a request only holds a socket. */
const HEADERS_TIMEOUT_MS = 10_000
/** Interval at which Node.js looks for requests that are over their time. */
const CHECK_MS = 2_000
/** Added to the grace of running turns: abandoning those that ignore the abort (5 s), the goodbye (2 s), closing the database. */
const SHUTDOWN_MARGIN_SECONDS = 10
/** Time that clients get to read their last answer after the last turn has ended. */
const GOODBYE_MS = 2000

/** Flags of `flynn-gateway start`. */
export interface StartFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
}

/** An address or a data folder that something else uses. The message says what to do. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

/**
 * Starts a gateway that runs by itself. Resolves once it listens.
 * @throws ConfigError, Unavailable
 */
export async function serve(flags: StartFlags, env: NodeJS.ProcessEnv, signals = new Signals()): Promise<FastifyInstance> {
  let app: FastifyInstance | undefined
  let config: Config | undefined
  try {
    requireNode()
    const source = new ConfigSource({ file: flags.config, env, flags: { host: flags.host, port: flags.port } })
    const watch = watchFile(source, () => app)
    await watch.mark()
    const load = async () => {
      const config = await source.load()
      return { config, tls: await readTls(config) }
    }
    const loaded = await load()
    config = loaded.config
    // Used until the gateway exists, which then knows the secrets in force.
    const atStart = maskerOf(config)
    const ownLog = new OwnLog(await logTarget())
    const current = () => app?.gateway?.config ?? loaded.config
    app = build({ ...loaded, ownLog, masker: () => app?.gateway?.configStore.masker ?? atStart, current })
    signals.closes(app, (config.server.shutdownGraceSeconds + SHUTDOWN_MARGIN_SECONDS) * 1000)
    endIdleConnections(app, config)
    // Loaded only now, so that configuration errors are reported at once.
    const [{ default: gateway }, { nothingHere }] = await Promise.all([import('../app.ts'), import('../routes/nothing.ts')])
    app.setNotFoundHandler(nothingHere)
    await app.register(gateway, { config, reload: async () => (await load()).config, ownLog })
    takeChanges(app, watch)
    await app.ready()
    const model = modelOf(app)
    const { host, port } = config.server
    await app.listen({ host, port, listenTextResolver: (address) => `Flynn gateway on ${address}, ${model}` })
    signals.reloads(() => reload(app, 'SIGHUP'))
    return app
  } catch (error) {
    await app?.close().catch(() => {})
    signals.release()
    throw explained(error as NodeJS.ErrnoException, config)
  }
}

interface Building {
  readonly config: Config
  readonly tls: Tls | null
  readonly ownLog: OwnLog
  readonly masker: () => Masker
  /** The configuration in force. */
  readonly current: () => Config
}

function build({ config, tls, ownLog, masker, current }: Building): FastifyInstance {
  let known = { entries: config.server.trustedProxies, trust: trustOf(config.server.trustedProxies) }
  const trust: Trust = (address, hop) => {
    const entries = current().server.trustedProxies
    if (entries !== known.entries) known = { entries, trust: trustOf(entries) }
    return known.trust(address, hop)
  }
  const normalize = ({ socket, headers }: IncomingMessage): void => {
    if (trust(socket.remoteAddress ?? '', 0)) normalizeForwarded(headers)
  }
  const sockets = new Sockets({
    limits: () => current().limits,
    isProxy: (address) => trust(address, 0),
    report: (detail) => app.log.warn(detail, 'socket closed: too many of them')
  })
  const app: FastifyInstance = Fastify({
    logger: loggerOptions(config, ownLog, masker),
    logController: new RequestLog(),
    trustProxy: trust,
    // Only for the scheme in the address that is logged: the factory below makes the server.
    ...({ https: tls } as object),
    serverFactory(handler) {
      const options = {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: HEADERS_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_MS
      }
      const listener = (request: IncomingMessage, response: ServerResponse): void => {
        if (!sockets.admit(request, response)) return
        normalize(request)
        handler(request, response)
      }
      const server = tls ? createTlsServer({ ...options, ...tls }, listener) : createServer(options, listener)
      server.maxConnections = config.limits.connections
      // The first listener: upgrades do not pass the one above.
      server.on('upgrade', normalize)
      server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => sockets.open(socket))
      // An `accept` that fails, for want of descriptors for example, must not end the process.
      server.on('error', (err) => app.log.error({ err }, 'the server failed to accept a connection'))
      server.on('drop', () => app.log.warn({ limit: 'limits.connections' }, 'socket closed: too many of them'))
      return server
    }
  })
  app.addHook('preHandler', async (request) => {
    if (app.gateway && 'caller' in app.gateway.auth.of(request)) sockets.authenticated(request.raw.socket)
  })
  return app
}

function modelOf(app: FastifyInstance): string {
  const { provider, model, offline } = app.gateway.providers.describe('default')
  return offline ? 'answered by the offline model' : `answered by ${provider} ${model}`
}

/** Keeps idle connections, kept alive or never used, from holding up the shutdown. */
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

function watchFile(source: ConfigSource, app: () => FastifyInstance | undefined): FileWatch {
  return new FileWatch({
    file: source.file,
    changed: () => reload(app(), 'file'),
    emptied: () => app()?.log.warn('the configuration file is empty; nothing was changed, config.reload takes it as it is')
  })
}

/** Errors are logged by the gateway. */
function reload(app: FastifyInstance | undefined, actor: string): void {
  app?.gateway.configStore.reload(actor).catch(() => {})
}

/** Applies changes of the configuration that concern the program, and watches the file. */
function takeChanges(app: FastifyInstance, watch: FileWatch): void {
  const { configStore } = app.gateway
  configStore.onPrepare((next) => {
    checkListening(next)
    return undefined
  })
  configStore.onChange(({ log }) => {
    app.log.level = log.level
  })
  app.addHook('onListen', async () => watch.start())
  app.addHook('preClose', async () => watch.stop())
}

function explained(error: NodeJS.ErrnoException, config: Config | undefined): Error {
  if (error.code === 'EBUSY') {
    return new Unavailable(`${error.message}. Stop that one, or give this one a data_dir of its own (FLYNN_DATA_DIR).`)
  }
  if (!config || !['listen', 'getaddrinfo'].includes(error.syscall ?? '')) return error
  const why =
    {
      EADDRINUSE:
        'the port is in use. Stop the program that listens there, or choose another port with --port (0 takes a free one).',
      EACCES: 'not permitted. Ports below 1024 need privileges: choose another one with --port.'
    }[error.code ?? ''] ?? `${error.code}. Choose an address of this machine with --host.`
  return new Unavailable(`cannot listen on ${config.server.host}, port ${config.server.port}: ${why}`)
}
