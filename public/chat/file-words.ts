import type { TurnFile } from '../../rpc/client/model/turn.ts'
import { revealed } from '../ui/format.ts'

/** Images that a browser shows without running anything in them. */
const IMAGE = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/i

export function isImage({ mimeType }: Pick<TurnFile, 'mimeType'>): boolean {
  return IMAGE.test(mimeType)
}

/** Name of a file as it is shown, with hidden characters spelled out. */
export function shownName({ filename, mimeType }: Pick<TurnFile, 'filename' | 'mimeType'>): string {
  return revealed(filename ?? mimeType)
}

/** Characters that a name in a folder may not have, and those that would make it look like another. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?"<>|]/gu

/** Name under which a file is saved. */
export function savedName({ filename, mimeType }: Pick<TurnFile, 'filename' | 'mimeType'>): string {
  return (filename ?? `file.${mimeType.split('/')[1]?.split(/[+;]/)[0] ?? 'bin'}`).replace(UNFIT, '_')
}
