/** Rounds of a repeated or random test: `quick` by default, times `TEST_ROUNDS` where that is set. */
export function rounds(quick: number): number {
  return Math.ceil(quick * Number(process.env.TEST_ROUNDS ?? 1))
}
