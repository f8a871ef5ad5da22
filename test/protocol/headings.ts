import { fixtureText } from './fixtures.ts'

/** What the specification's own headings promise: the list that everything else is held against. */
export interface Headings {
  readonly methods: readonly string[]
  readonly events: readonly string[]
  /** In the table of the last heading. */
  readonly codes: readonly number[]
}

/** `fixtures/headings.txt`: the specification's headings from "Methods" on, a line each, as they stand there. */
export function headings(text = fixtureText('headings.txt')): Headings {
  const lines = text.trimEnd().split('\n')
  const [events, codes] = ['Event Types', 'Error Codes'].map((heading) => lines.indexOf(heading)) as [number, number]
  return {
    methods: lines.slice(0, events).filter((line) => line.includes('.')),
    events: lines.slice(events + 1, codes),
    codes: lines.slice(codes + 1).map((row) => Number(row.split('|')[1]))
  }
}
