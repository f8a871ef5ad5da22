const LONGEST = 64

/** Tool names and call ids, ours ↔ the wire's. */
export interface WireNames {
  /** `shell.exec` → `shell_exec`. */
  tool(name: string): string
  /** `shell_exec` → `shell.exec`. A name that stands for no tool comes back as it is, to be answered with an error. */
  fromWire(name: string): string
}

/**
 * Providers take tool names of `[A-Za-z0-9_-]`, at most 64 characters; ours have a dot. Two tools that would end up with
 * one name are numbered, in the order given, so that each stays reachable.
 */
export function wireNames(tools: ReadonlyArray<{ readonly name: string }>): WireNames {
  const toWire = new Map<string, string>()
  const fromWire = new Map<string, string>()
  for (const { name } of tools) {
    const plain = sanitized(name)
    let wire = plain
    for (let n = 2; fromWire.has(wire); n++) wire = `${plain.slice(0, LONGEST - 4)}_${n}`
    toWire.set(name, wire)
    fromWire.set(wire, name)
  }
  return {
    // A conversation may name a tool that is gone by now.
    tool: (name) => toWire.get(name) ?? sanitized(name),
    fromWire: (name) => fromWire.get(name) ?? name
  }
}

function sanitized(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, LONGEST) || '_'
}
