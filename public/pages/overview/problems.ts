import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { hashOf } from '../../app/route.ts'

type Result<M extends keyof GatewayMethods> = GatewayMethods[M]['result'] | undefined

/** Something that is wrong now, and the place that shows more of it. */
export interface Problem {
  readonly text: string
  readonly href?: string
}

const HOUR = 3_600_000

/** Problems that the answers of the gateway show, the most urgent first. */
export function problemsOf(
  answers: {
    readonly findings: Result<'system.doctor'>
    readonly sources: Result<'system.observabilitySources'>
    readonly failed: Result<'runs.list'>
    readonly channels: Result<'channels.list'>
    readonly servers: Result<'mcp.list'>
  },
  now: number
): Problem[] {
  const problems: Problem[] = []
  for (const { check, status, message } of answers.findings?.findings ?? [])
    if (status === 'fail') problems.push({ text: `${check}: ${message}` })
  for (const { id, name, status, problem } of answers.sources?.sources ?? [])
    if (status === 'failed')
      problems.push({ text: `${name} has failed${problem ? `: ${problem}` : ''}`, href: hashOf(['services', id]) })
  for (const { name, state, reason, sourceId } of answers.servers?.servers ?? [])
    if (state === 'down')
      problems.push({ text: `MCP server ${name} is down${reason ? `: ${reason}` : ''}`, href: hashOf(['services', sourceId]) })
  const failed = answers.failed?.runs.filter(({ acceptedAt }) => now - acceptedAt < HOUR).length ?? 0
  if (failed > 0) problems.push({ text: `${failed} ${failed === 1 ? 'run has' : 'runs have'} failed in the last hour` })
  for (const { name, failed: lost } of answers.channels?.channels ?? [])
    if (lost > 0) problems.push({ text: `${name}: ${lost} ${lost === 1 ? 'message' : 'messages'} could not be stored` })
  return problems
}
