/** How an example and what came are held against each other where neither is an object or array. */
export interface Comparison {
  /** What is wrong with `actual`, or undefined. */
  leaf(example: unknown, actual: unknown): string | undefined
  /** Arrays must have as many elements as the example's. */
  readonly exactLength: boolean
}

/** The same JSON type and unit: what a client may rely on. */
export const SHAPE: Comparison = {
  leaf: (example, actual) =>
    kindOf(example) === kindOf(actual) ? undefined : `is ${kindOf(actual)}, in the example ${kindOf(example)}`,
  exactLength: false
}

/** The same value. */
export const VALUE: Comparison = {
  leaf: (example, actual) =>
    Object.is(example, actual) ? undefined : `is ${JSON.stringify(actual)}, in the example ${JSON.stringify(example)}`,
  exactLength: true
}

export interface Difference {
  readonly path: string
  readonly problem: string
}

/**
 * What of `example` is missing from `actual`, or is something else there. Fields beyond those of the example are welcome.
 * An element of an array is held against the one with the same `name` or `id` where there is one, else against the one in
 * the same place.
 */
export function differences(example: unknown, actual: unknown, path: string, how: Comparison): Difference[] {
  if (Array.isArray(example)) {
    if (!Array.isArray(actual)) return [{ path, problem: `is ${kindOf(actual)}, in the example an array` }]
    if (how.exactLength && actual.length !== example.length) {
      return [{ path, problem: `has ${actual.length} elements, in the example ${example.length}` }]
    }
    return example.flatMap((element, index) => {
      const counterpart = namesake(element, actual) ?? actual[index]
      if (counterpart === undefined) return [{ path: `${path}[${index}]`, problem: 'is missing' }]
      return differences(element, counterpart, `${path}[${index}]`, how)
    })
  }
  if (isObject(example)) {
    if (!isObject(actual)) return [{ path, problem: `is ${kindOf(actual)}, in the example an object` }]
    return Object.entries(example).flatMap(([key, value]) =>
      Object.hasOwn(actual, key)
        ? differences(value, actual[key], `${path}.${key}`, how)
        : [{ path: `${path}.${key}`, problem: 'is missing' }]
    )
  }
  const problem = how.leaf(example, actual)
  return problem === undefined ? [] : [{ path, problem }]
}

function namesake(element: unknown, actual: readonly unknown[]): unknown {
  if (!isObject(element)) return undefined
  const key = ['name', 'id'].find((key) => typeof element[key] === 'string')
  return key && actual.find((candidate) => isObject(candidate) && candidate[key] === element[key])
}

/** The JSON type of a value, and the unit where the value tells it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return 'a fraction'
    if (value >= 1e12) return 'epoch milliseconds'
    return value >= 1e9 ? 'epoch seconds' : 'an integer'
  }
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)) return 'an ISO 8601 time in UTC'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
