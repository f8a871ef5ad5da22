import { webAddressOf } from '../arguments.ts'
import type { NodeStatus } from '../companion.ts'
import type { Handler } from '../invocations.ts'
import { type Environment, run } from './program.ts'

/** Bytes of a picture: as base64 it has to fit into a result of 1 MiB. */
const MAX_PICTURE_BYTES = 768 * 1024

export interface MachineOptions {
  /** Default: that of the process. */
  readonly env?: Environment
  /** Reads charge and power source. Default: of this machine. */
  readonly power?: () => Promise<Pick<NodeStatus, 'batteryPct' | 'powerSource'>>
}

/** A JPEG picture as a result. @throws Error when it is too large for one */
export function picture(bytes: Buffer): { readonly mimeType: string; readonly data: string } {
  if (bytes.length > MAX_PICTURE_BYTES) {
    throw new Error(`The picture has ${bytes.length} bytes; at most ${MAX_PICTURE_BYTES} fit into a result`)
  }
  return { mimeType: 'image/jpeg', data: bytes.toString('base64') }
}

/** Opens an address with a program that takes it as its argument. */
export function opener(program: string): Handler {
  return async (args, { signal }) => {
    await run(program, [webAddressOf(args)], { signal })
    return { opened: true }
  }
}
