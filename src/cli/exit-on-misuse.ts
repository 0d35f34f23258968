import type { Command } from 'commander'

/** Exit code of a command that could not do what it was asked for, where 1 says what it found. */
export const misuseExitCode = 2

/** Lets a command end with its own code where its arguments are wrong, as commander says it. */
export function exitOnMisuse(command: Command, exit: (code: number) => void): Command {
  return command.exitOverride((error) => {
    exit(error.exitCode === 0 ? 0 : misuseExitCode)
    throw error
  })
}
