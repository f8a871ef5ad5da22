import { Type } from '@sinclair/typebox'
import type { ToolSpec } from '../providers/define.ts'
import { type Access, type AnyTool, defineTool } from './define.ts'

/** Runs a tool that `tools.find` has found. The toolbox prepares the named tool in its place. */
export const CALL = 'tools.call'

const MAX_FOUND = 20
/** A word in the name says more than one in the description. */
const NAME_WEIGHT = 5

/** `tools.find` and `tools.call`: the way to more tools than `tools.max`. */
export function searchTools(list: (access: Access) => Promise<readonly ToolSpec[]>): { find: AnyTool; call: AnyTool } {
  const find = defineTool({
    name: 'tools.find',
    description:
      'Find further tools by words of their names and descriptions. Answers their names, descriptions and the JSON Schema of ' +
      `their arguments; run one with ${CALL}. Use it whenever none of your other tools fits.`,
    input: Type.Object(
      {
        query: Type.String({ minLength: 1, maxLength: 200, description: 'Words such as: calendar create event' }),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_FOUND, default: 5 }))
      },
      { additionalProperties: false }
    ),
    async run({ query, limit = 5 }, { access }) {
      const found = ranked(await list(access), query).slice(0, limit)
      if (found.length === 0) return 'no tool found; try other or fewer words'
      return found
        .map(({ name, description, inputSchema }) => `${name}: ${description}\nargs: ${JSON.stringify(inputSchema)}`)
        .join('\n\n')
    }
  })
  const call = defineTool({
    name: CALL,
    description: 'Run a tool that tools.find has found.',
    input: Type.Object(
      {
        tool: Type.String({ minLength: 1, maxLength: 64, description: 'Its name, as tools.find wrote it' }),
        args: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'By the schema of its args' }))
      },
      { additionalProperties: false }
    ),
    run: async () => {
      throw new Error(`${CALL} stands for another tool and is never run itself`)
    }
  })
  return { find, call }
}

/** Tools with at least one of the words, the most and the best first. */
function ranked(specs: readonly ToolSpec[], query: string): ToolSpec[] {
  const words = [...new Set(query.toLowerCase().split(/[^\p{L}\p{N}]+/u))].filter((word) => word !== '')
  const scored = specs.map((spec) => {
    const name = spec.name.toLowerCase()
    const description = spec.description.toLowerCase()
    const score = words.reduce(
      (sum, word) => sum + (name.includes(word) ? NAME_WEIGHT : 0) + (description.includes(word) ? 1 : 0),
      0
    )
    return { spec, score }
  })
  return scored
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .map(({ spec }) => spec)
}
