import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { destination, type LoggerOptions } from 'pino'
import { type Config, redactPaths } from '../plugins/config/index.ts'
import { maskingLog, type OwnLog } from '../plugins/observability/own-log.ts'
import type { Masker } from '../security/masking/masker.ts'
import { RepeatedLines } from './repeated-lines.ts'

/** One line a request, at debug. Query strings are left out: they may hold secrets. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}
  override routeNotFound(): void {}

  override requestCompleted(err: Error | null | undefined, req: FastifyRequest, res: FastifyReply): void {
    const line = { req, res, responseTime: res.elapsedTime }
    if (err) res.log.error({ ...line, err }, 'request failed')
    else res.log.debug(line, 'request completed')
  }
}

/** Level of pino from which equal lines are limited. */
const WARN = 40

/** Message of a log call, which may be that of an error. */
function messageOf(args: readonly unknown[]): string {
  const text = args.find((part) => typeof part === 'string') as string | undefined
  const [first] = args as readonly (Error | { readonly err?: Error } | undefined)[]
  return text ?? (first instanceof Error ? first.message : (first?.err?.message ?? ''))
}

/** Destination of the log: readable text for a terminal, JSON lines otherwise. */
export async function logTarget(): Promise<{ write(line: string): unknown }> {
  if (process.stdout.isTTY) return (await import('pino-pretty')).default({ ignore: 'pid,hostname' })
  // Written synchronously: the last lines before a crash count most.
  return destination({ dest: process.stdout.fd, sync: true })
}

/** Logger options that mask secrets. `masker` is asked for every line, since a reload replaces it. */
export function loggerOptions({ log }: Config, stream: OwnLog, masker: () => Masker): LoggerOptions & { stream: OwnLog } {
  const { serializers, hooks, ...masking } = maskingLog(masker)
  const repeated = new RepeatedLines()
  const pathOf = (url: string): string => masker().mask(url.split('?', 1)[0]!).text
  return {
    level: log.level,
    stream,
    redact: { paths: redactPaths(), censor: '***' },
    ...masking,
    hooks: {
      logMethod(args, method, level) {
        if (level >= WARN) {
          const left = repeated.take(`${level} ${messageOf(args)}`)
          if (left === undefined) return
          if (left > 0) this.warn({ suppressed: left }, 'equal log lines were left out')
        }
        hooks.logMethod?.call(this, args, method, level)
      }
    },
    serializers: {
      ...serializers,
      req: ({ method, url, ip }: FastifyRequest) => ({ method, path: pathOf(url), remoteAddress: ip })
    }
  }
}
