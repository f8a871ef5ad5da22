import type { EndReason } from './define.ts'

/** A piece of the answer, or of the thoughts before it. */
export interface WireText {
  readonly type: 'text' | 'reasoning'
  readonly text: string
}

/** An error in the place of an answer, in the provider's own words. */
export interface WireFailure {
  /** HTTP status; absent where the provider names none. */
  readonly status?: number | undefined
  /** The body or event that says so; parsed where it is JSON. */
  readonly body: unknown
}

/**
 * Reader of one answer as it comes over the wire. It takes what a server sends, lenient in everything that an answer does not need, and
 * writes it as the provider's package expects it: known events with known members. Unknown ones are ignored, null is absent, lists are
 * checked entry by entry. The end is written by `close`, so that what follows a complete answer cannot spoil it.
 */
export interface WireEvents {
  /** The answer is whole: whatever comes after it does not matter. */
  readonly complete: boolean
  /** The server said that nothing more will come. */
  readonly over: boolean
  /** Set once the server sent an error in place of the rest of its answer. */
  readonly failure: WireFailure | undefined
  /** The texts and thoughts since it was last called, in order. */
  takeTexts(): WireText[]
  /**
   * One event.
   * @returns its part for the package, which is everything but texts, as text of the stream; empty for none
   */
  read(data: string, name: string): string
  /**
   * A body that is no stream of events: one JSON object.
   * @returns its part for the package, as `read` does
   */
  whole(body: Record<string, unknown>): string
  /** The end of the stream. */
  close(): string
}

export type Json = Record<string, unknown>

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The entries of a list that are objects; none for any other value. */
export function objectsIn(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A count that can be one. */
export function countIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** An error that says nothing is none: some servers send `error: null`, `false` or `{}` with every event. */
export function errorIn(error: unknown): boolean {
  if (isObject(error)) return Object.values(error).some((value) => value !== null && value !== '' && value !== 0)
  return textIn(error) !== undefined
}

const LENGTH = /length|max_?tokens|token_?limit|context_window/i
const FILTER = /filter|safety|refus|prohibited|blocklist|spii|recitation|sensitive|moderat/i
const CALLS = /tool|function/i
const BROKEN = /error|abort|cancel|insufficient|unavailable|timeout/i

/** Any server's reason to end an answer. Unknown ones are the usual end: the answer is complete. */
export function endReasonOf(written: string): EndReason {
  if (CALLS.test(written)) return 'tool_calls'
  if (LENGTH.test(written)) return 'length'
  if (FILTER.test(written)) return 'filter'
  return BROKEN.test(written) ? 'broken' : 'stop'
}
