/** Seconds before the end at which the question is announced again. */
export const LAST_SECONDS = 30

/** Seconds until `expiresAt`, never less than 0. */
export function secondsLeft(expiresAt: number, now: number): number {
  return Math.max(0, Math.ceil((expiresAt - now) / 1000))
}

/** "1:43 left". */
export function timeLeft(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
}

/** The same for an announcement: "1 minute 43 seconds left". */
function spokenTime(seconds: number): string {
  const part = (value: number, unit: string) => (value === 0 ? [] : [`${value} ${unit}${value === 1 ? '' : 's'}`])
  return `${[...part(Math.floor(seconds / 60), 'minute'), ...part(seconds % 60, 'second')].join(' ')} left`
}

/** A question is announced when it appears and when little time is left: `none`, `asked`, `urgent`. */
export type Announced = 'none' | 'asked' | 'urgent'

/** @param shownMs time since the question is on the screen: one that a new connection repeats may be answered in a moment */
export function announcedBy(seconds: number, shownMs: number): Announced {
  if (shownMs < 1000 || seconds === 0) return 'none'
  return seconds > LAST_SECONDS ? 'asked' : 'urgent'
}

export function announcement(tool: string, before: Announced, seconds: number): string {
  const first = before === 'none' ? `The agent wants to run ${tool}.` : `${tool} still waits.`
  return `${first} Allow or refuse it: ${spokenTime(seconds)}.`
}

/** A key with the modifiers that were held. */
export interface PressedKey {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  /** The key is held down. */
  readonly repeat: boolean
}

/** Answer that a key means: Ctrl or Cmd with Alt and Enter allows, with Backspace refuses. Undefined for every other key. */
export function answerOf({ key, ctrlKey, metaKey, altKey, repeat }: PressedKey): boolean | undefined {
  if (!(ctrlKey || metaKey) || !altKey || repeat) return undefined
  return key === 'Enter' ? true : key === 'Backspace' ? false : undefined
}
