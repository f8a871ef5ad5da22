const MAX_LENGTH = 200

/** Text from outside, fit for a log line: control and invisible characters could forge lines or hide text, length could flood. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '').slice(0, MAX_LENGTH)
}
