import type { Command, CommanderError } from 'commander'
import { nearest } from '../plugins/config/parse/keys.ts'
import { printable } from '../security/sanitize.ts'
import { UsageError } from './exit.ts'

/** Usage error for an error of commander. Values are left out: a secret may follow a mistyped option. */
export function usageErrorOf(error: CommanderError, command: Command): UsageError {
  const [, quoted = ''] = /'([^']*)'/.exec(error.message) ?? []
  if (error.code === 'commander.unknownOption') return new UsageError(unknownOption(quoted, command))
  if (error.code === 'commander.optionMissingArgument') return new UsageError(`${longOf(quoted)} needs a value`)
  if (error.code === 'commander.missingArgument') return new UsageError(`${command.name()} needs <${quoted}>`)
  // Our only check is that a value is not empty.
  if (error.code === 'commander.invalidArgument') return new UsageError(`${longOf(error.message)} needs a value`)
  if (error.code === 'commander.excessArguments') return new UsageError(`too many arguments for ${command.name()}`)
  return new UsageError(error.message.replace(/^error: /, ''))
}

export function unknownCommand(written: string, known: readonly string[]): UsageError {
  const guess = nearest(written, known)
  return new UsageError(`unknown command ${printable(written, 64)}${guess ? `; did you mean ${guess}?` : ''}`)
}

function unknownOption(written: string, command: Command): string {
  const [option = ''] = written.split('=')
  const known = [...command.options, ...(command.parent?.options ?? [])].flatMap(({ long }) => long ?? [])
  if ([...known, '--help'].includes(option)) return `${option} takes no value`
  const guess = option.startsWith('--')
    ? nearest(
        option.slice(2),
        [...known, '--help'].map((name) => name.slice(2))
      )
    : undefined
  return `unknown option ${option}${guess ? `; did you mean --${guess}?` : ''}`
}

/** `-p, --port <port>` → `--port` */
function longOf(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags
}
