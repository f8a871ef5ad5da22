/** True where a list of names and patterns names the tool. */
export function namesTool(patterns: readonly string[], tool: string): boolean {
  return patterns.some((pattern) => matches(pattern, tool))
}

/** `*` stands for any characters. Takes linear time: servers choose their tools' names. */
function matches(pattern: string, tool: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return pattern === tool
  if (tool.length < first.length + last.length || !tool.startsWith(first) || !tool.endsWith(last)) return false
  const end = tool.length - last.length
  let at = first.length
  for (const part of rest) {
    const found = tool.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/** True for a pattern that may name tools with this prefix, such as `files.`. */
export function mayNameBelow(pattern: string, prefix: string): boolean {
  const literal = pattern.split('*', 1)[0]!
  if (literal === pattern) return pattern.startsWith(prefix)
  return literal.startsWith(prefix) || prefix.startsWith(literal)
}
