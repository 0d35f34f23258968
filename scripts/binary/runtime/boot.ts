import { openArchive } from './archive.ts'
import { loadProgram } from './load-program.ts'
import { showArchive } from './show-archive.ts'

/* The first file that runs inside the binary. */

const archive = openArchive()
showArchive(archive)
loadProgram(archive.executable)
