import type { ToolCall } from './define.ts'

/** What a model gave as arguments: parsed, or the text that could not be. Anything but an object is invalid. */
export function argumentsOf(given: unknown): Pick<ToolCall, 'args' | 'invalid'> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return { args: given as Record<string, unknown> }
  const text = typeof given === 'string' ? given : JSON.stringify(given)
  return { args: {}, invalid: `The arguments must be a JSON object, got: ${text.slice(0, 200)}` }
}
