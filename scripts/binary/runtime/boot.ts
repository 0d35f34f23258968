import { completeFileSystem } from './complete-file-system.ts'
import { loadProgram } from './load-program.ts'

/* The first file that runs inside the binary. */

completeFileSystem(__dirname)
loadProgram(__dirname)
