import { Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'

const Problem = Type.String({ description: 'Why it cannot be seen, or its log not be read (extension)' })

export const SourceId = Type.String({ minLength: 1, maxLength: 256 })

/** Something that is looked at. */
export const SourceRow = named(
  'SourceRow',
  Type.Object({
    id: SourceId,
    name: Type.String(),
    kind: Type.String({
      description: '`systemd_system`, `systemd_user`, `docker_dependency`; `process`: a gateway without a manager'
    }),
    runtime: Type.String({ description: 'Supervisor: `systemd_system`, `systemd_user`, `docker_compose`, `process`' }),
    status: Type.String({ description: '`unknown`, `stopped`, `starting`, `running` or `failed`' }),
    graphCapable: Type.Boolean({ description: 'It has series' }),
    logCapable: Type.Boolean({ description: 'It has a log that can be read' }),
    problem: Type.Optional(Problem)
  })
)

const count = (description: string) => Type.Integer({ minimum: 0, description })

/** State of a source in one bucket of time. */
export const Point = named(
  'Point',
  Type.Object({
    ts: Type.Integer({ description: 'Start of the bucket; epoch milliseconds' }),
    stateCode: Type.Integer({
      minimum: 0,
      maximum: 4,
      description: '0 unknown, 1 stopped, 2 starting, 3 running, 4 failed: the worst in the bucket (4, 1, 2, 3, 0)'
    }),
    healthCode: Type.Integer({
      minimum: 0,
      maximum: 2,
      description: '0 none, 1 unhealthy, 2 healthy: the worst in the bucket (1, 2, 0)'
    }),
    errorCount: count('Of the gateway: errors in its log; of others: how often it failed or became unhealthy'),
    restartCount: count('Number of restarts, manual ones included')
  })
)

/** History of sources. */
export const Series = named(
  'Series',
  Type.Object({
    generatedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    windowMinutes: Type.Integer(),
    bucketSeconds: Type.Integer(),
    series: Type.Array(
      Type.Object({ sourceId: SourceId, points: Type.Array(Point, { description: 'None for a bucket without a sample' }) })
    )
  })
)

export const LogLine = named(
  'LogLine',
  Type.Object({
    ts: Type.Integer({ description: 'Epoch milliseconds' }),
    level: Type.Union([Type.Literal('error'), Type.Literal('warn'), Type.Literal('info'), Type.Literal('debug')]),
    text: Type.String({ description: 'Without secrets, colours and control characters' })
  })
)

/** The newest lines of the log of a source. */
export const ServiceLog = named(
  'ServiceLog',
  Type.Object({
    sourceId: SourceId,
    fetchedAt: Type.Integer({ description: 'Epoch milliseconds' }),
    redacted: Type.Boolean({ description: 'A secret was taken out of a line' }),
    truncated: Type.Boolean({ description: 'There are older lines than these, or a line was cut' }),
    lines: Type.Array(LogLine, { description: 'Oldest first' }),
    problem: Type.Optional(Problem)
  })
)
