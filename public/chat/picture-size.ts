/** Longest side of a picture that was made smaller: models see no more. */
const LONGEST_SIDE = 2048

/** Size of a picture that fits, in the same proportions. */
export function fitted({ width, height }: { readonly width: number; readonly height: number }): {
  width: number
  height: number
} {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** Type in which a picture is written: its own where every browser can, and JPEG in place of others. */
export function writtenAs(type: string): string {
  return type === 'image/png' || type === 'image/webp' ? type : 'image/jpeg'
}
