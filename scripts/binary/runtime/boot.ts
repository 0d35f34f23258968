import { loadProgram } from './load-program.ts'

/* The first file that runs inside the binary. */

loadProgram(__dirname)
