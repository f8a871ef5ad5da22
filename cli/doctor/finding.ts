import type { Finding } from '../../plugins/doctor/index.ts'

export type { Finding }

export const pass = (check: string, message: string): Finding => ({ check, status: 'pass', message })
export const warn = (check: string, message: string, fix: string): Finding => ({ check, status: 'warn', message, fix })
export const fail = (check: string, message: string, fix: string): Finding => ({ check, status: 'fail', message, fix })

/** Code of a system error, else its message. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
