export type Level = 'error' | 'warn' | 'info' | 'debug'

const NAMES: Readonly<Record<string, Level>> = {
  fatal: 'error',
  panic: 'error',
  critical: 'error',
  crit: 'error',
  alert: 'error',
  emerg: 'error',
  error: 'error',
  err: 'error',
  warning: 'warn',
  warn: 'warn',
  notice: 'info',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
  verbose: 'debug'
}
/** Position of a level: at the beginning of a line, after the time. */
const READ = 120
const NAME = Object.keys(NAMES).join('|')
/** `level=warn`, `"severity":"ERROR"` */
const NAMED = new RegExp(`\\b(?:level|lvl|severity)["']?\\s?[=:]\\s?["']?(${NAME})\\b`, 'i')
/** `"level":50`, as pino writes it. */
const NUMBERED = /"level":\s?(\d\d)\b/
/** `[error]`, `ERROR:`, `W 12:30`: in brackets in any case, else in capitals; words of a sentence are neither. */
const BRACKETED = new RegExp(`[[(<](${NAME})[\\])>]`, 'i')
const CAPITALS = new RegExp(`\\b(${NAME.toUpperCase()})\\b`)

/** The level that the text of a line tells, if it does. */
export function levelIn(text: string): Level | undefined {
  const start = text.slice(0, READ)
  const number = NUMBERED.exec(start)?.[1]
  if (number !== undefined) return levelOfPino(Number(number))
  const name = (NAMED.exec(start) ?? BRACKETED.exec(start) ?? CAPITALS.exec(start))?.[1]
  return name === undefined ? undefined : NAMES[name.toLowerCase()]
}

export function levelOfPino(level: number): Level {
  return level >= 50 ? 'error' : level >= 40 ? 'warn' : level >= 30 ? 'info' : 'debug'
}

/** Of syslog, 0 to 7. What a service prints has 6, whatever it is. */
export function levelOfPriority(priority: string | undefined, text: string): Level {
  if (priority !== undefined && /^[0-4]$/.test(priority)) return priority === '4' ? 'warn' : 'error'
  return priority === '7' ? 'debug' : (levelIn(text) ?? 'info')
}
