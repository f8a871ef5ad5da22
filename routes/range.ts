interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads a `Range` header (RFC 9110, 14.1.2) for a file of `size` bytes, which is at least 1. Returns the whole file where the header is
 * absent, malformed or names several ranges, which a server may ignore; `unsatisfiable` where it begins behind the end.
 */
export function rangeOf(
  header: string | undefined,
  size: number
): { readonly range: ByteRange; readonly partial: boolean } | 'unsatisfiable' {
  const whole = { range: { start: 0, end: size - 1 }, partial: false }
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return whole
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { range: { start: size - length, end: size - 1 }, partial: true }
  }
  const [start, end] = [Number(first), last === '' ? size - 1 : Math.min(Number(last), size - 1)]
  if (last !== '' && Number(last) < start) return whole
  return start >= size ? 'unsatisfiable' : { range: { start, end }, partial: true }
}
