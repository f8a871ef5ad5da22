import type { Outcome } from '../programs/index.ts'
import type { LogQuery, RawLine, RawLog } from './journal.ts'
import { levelIn } from './levels.ts'

/** It becomes an argument of a program. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/
/** RFC 3339 as Docker prints it; a zone other than UTC is not known to occur. */
const STAMPED = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?/

/** Undefined for an invalid name of a container. One extra line shows if there are more. */
export function containerArgs(name: string, { lines, since }: LogQuery): string[] | undefined {
  if (!NAME.test(name)) return undefined
  const from = since === undefined ? [] : ['--since', new Date(since).toISOString()]
  return ['logs', '--timestamps', '--tail', String(lines + 1), ...from, '--', name]
}

/** Parses the output of `docker logs` for `containerArgs`: two streams, merged by their times. */
export function parseContainer({ missing, timedOut, truncated, code, stdout, stderr }: Outcome, { lines }: LogQuery): RawLog {
  const problem = missing
    ? 'docker is not installed on this machine'
    : timedOut
      ? 'docker did not answer in time'
      : code === null && !truncated
        ? 'docker could not be started, or was killed'
        : refusal(code, stderr)
  // What docker itself has to say stands where the lines of the container do.
  const streams = code === 0 || truncated || timedOut ? [stdout, stderr] : []
  const merged = streams.flatMap(stamped).sort((one, other) => (one.order < other.order ? -1 : one.order > other.order ? 1 : 0))
  return {
    lines: merged.slice(-lines).map(({ line }) => line),
    truncated: truncated || merged.length > lines,
    ...(problem === undefined ? {} : { problem })
  }
}

function refusal(code: number | null, stderr: string): string | undefined {
  if (code === 0 || code === null) return undefined
  if (/no such container/i.test(stderr)) return 'it has no container'
  if (/permission denied/i.test(stderr)) return 'the user that the gateway runs as has no permission to use Docker'
  if (/cannot connect to the docker daemon|error during connect/i.test(stderr)) return 'the Docker engine cannot be reached'
  if (/configured logging driver does not support reading/i.test(stderr))
    return 'its logging driver keeps nothing that could be read'
  return `docker logs failed with exit code ${code}`
}

/** The lines of one stream with what orders them: times of nanoseconds do not fit into a number. */
function stamped(stream: string): Array<{ order: string; line: RawLine }> {
  const found: Array<{ order: string; line: RawLine }> = []
  for (const text of stream.split('\n')) {
    const [prefix = '', seconds, fraction = ''] = STAMPED.exec(text) ?? []
    // Date.parse makes a time of almost anything.
    const ts = seconds === undefined ? Number.NaN : Date.parse(`${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`)
    const before = found.at(-1)
    // A line without a time goes on where the one before it stood; the beginning of one that was cut off is none.
    if (Number.isNaN(ts) && (text === '' || !before)) continue
    const content = Number.isNaN(ts) ? text : text.slice(prefix.length)
    found.push({
      order: Number.isNaN(ts) ? before!.order : `${seconds}.${fraction}`,
      line: {
        ts: Number.isNaN(ts) ? before!.line.ts : ts,
        level: levelIn(content) ?? 'info',
        text: content
      }
    })
  }
  return found
}
