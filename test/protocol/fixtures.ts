import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** One frame of the specification's examples. */
export interface ExampleFrame {
  readonly id: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string }
  readonly event?: string
  readonly data?: unknown
}

/** What the specification shows of one method, or of frames in general. */
export interface Fixture {
  readonly request?: ExampleFrame
  readonly response?: ExampleFrame
  readonly error?: ExampleFrame
  readonly events?: readonly ExampleFrame[]
}

const FOLDER = path.join(import.meta.dirname, 'fixtures')

/** One file of the folder, as text. */
export function fixtureText(file: string): string {
  return readFileSync(path.join(FOLDER, file), 'utf8')
}

/** The specification's error table. */
export const ERROR_TABLE: ReadonlyArray<{ code: number; name: string; description: string }> = JSON.parse(
  fixtureText('errors.json')
)

/** Every other JSON file of the folder, by its name: that of a method, `message-format` and `events`. */
export const FIXTURES: ReadonlyMap<string, Fixture> = new Map(
  globSync('*.json', { cwd: FOLDER })
    .sort()
    .filter((file) => file !== 'errors.json')
    .map((file) => [file.slice(0, -'.json'.length), JSON.parse(fixtureText(file)) as Fixture])
)

/** One thing of the specification's examples that belongs to a feature which is not there yet. */
export interface Later {
  readonly fixture: string
  /** As `differences` names it. */
  readonly path: string
  readonly why: string
}

/**
 * Everything of the examples that the gateway does not show yet, and nothing else: a test fails as soon as an entry is
 * no longer needed.
 */
export const LATER: readonly Later[] = [
  { fixture: 'system.presence', path: 'result.presence[0]', why: 'no channel of a messenger is there yet' }
]

/** The paths of one fixture that may differ. */
export function laterIn(fixture: string): string[] {
  return LATER.filter((entry) => entry.fixture === fixture).map(({ path }) => path)
}
