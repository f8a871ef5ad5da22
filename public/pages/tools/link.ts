import { hashOf } from '../../app/route.ts'

/** Longest address of a tool with arguments. Longer ones are cut by some programs that links are pasted into. */
const MAX_HASH = 4000

/** Address of a tool with arguments and a session to begin with; undefined where they are no object, or too long for an address. */
export function toolHash(tool: string, args: unknown, session: string): string | undefined {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return undefined
  const hash = hashOf(['tools', tool], { args: JSON.stringify(args), session })
  return hash.length > MAX_HASH ? undefined : hash
}

/** Arguments of an address; undefined where it has none that can be read. */
export function argsOf(text: string | undefined): object | undefined {
  try {
    const args: unknown = JSON.parse(text ?? '')
    return typeof args === 'object' && args !== null && !Array.isArray(args) ? args : undefined
  } catch {
    return undefined
  }
}
