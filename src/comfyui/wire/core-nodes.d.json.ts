/** Written by scripts/make-core-nodes.ts; read through core-nodes.ts only. */
declare const table: unknown
export default table
