import { ArchiveError, openArchive } from './archive.ts'
import { loadProgram } from './load-program.ts'
import { showArchive } from './show-archive.ts'

/* The first file that runs inside the binary. */

try {
  const archive = openArchive()
  showArchive(archive)
  loadProgram(archive.executable)
} catch (error) {
  if (!(error instanceof ArchiveError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
