import { Table } from '../../ui/table.tsx'
import { HEALTHS, type Point, STATES } from './series.ts'

const WIDTH = 600
const HEIGHT = 96
/** Heights of the states, by `stateCode`: failed below, running above. */
const LEVELS = [0.5, 0.3, 0.7, 1, 0] as const

/** States over time as a line, which is broken where there is no sample, with errors below it; and the same as a table. */
export function Chart({ label, points }: { readonly label: string; readonly points: readonly (Point | undefined)[] }) {
  const found = points.filter((point) => point !== undefined)
  if (found.length === 0)
    return <p class="muted">No sample in this time. The gateway takes one every few seconds while it runs.</p>
  const step = WIDTH / points.length
  const most = Math.max(1, ...found.map(({ errorCount }) => errorCount))
  let line = ''
  points.forEach((point, at) => {
    if (!point) return
    const y = 8 + (1 - LEVELS[point.stateCode as 0]) * 64
    line += `${points[at - 1] ? 'L' : 'M'}${(at * step).toFixed(1)} ${y}H${((at + 1) * step).toFixed(1)}`
  })
  const errors = found.reduce((sum, { errorCount }) => sum + errorCount, 0)
  const restarts = found.reduce((sum, { restartCount }) => sum + restartCount, 0)
  return (
    <>
      <svg
        class="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${found.length} of ${points.length} points have a sample, ${errors} errors, ${restarts} restarts`}
      >
        <path class="axis" d={`M0 8H${WIDTH}M0 72H${WIDTH}`} />
        <path class="line" d={line} />
        {points.map((point, at) => {
          if (!point?.errorCount) return null
          const height = (point.errorCount / most) * 20
          return <rect key={point.ts} x={at * step} y={HEIGHT - height} width={Math.max(1, step - 1)} height={height} />
        })}
      </svg>
      <p class="muted">
        {`Above: running, below: failed; bars: errors. ${found.length} of ${points.length} points, ${errors} errors, ${restarts} restarts.`}
      </p>
      <details>
        <summary>As a table</summary>
        <Table
          label="points"
          columns={[
            { title: 'Time', cell: ({ ts }) => new Date(ts).toLocaleTimeString() },
            { title: 'State', cell: ({ stateCode }) => STATES[stateCode as 0] ?? stateCode },
            { title: 'Health', cell: ({ healthCode }) => HEALTHS[healthCode as 0] ?? healthCode },
            { title: 'Errors', number: true, cell: ({ errorCount }) => errorCount },
            { title: 'Restarts', number: true, cell: ({ restartCount }) => restartCount }
          ]}
          rows={found.toReversed()}
          id={({ ts }) => String(ts)}
          empty={null}
        />
      </details>
    </>
  )
}
