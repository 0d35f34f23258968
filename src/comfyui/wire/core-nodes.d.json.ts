/** Written by scripts/make-core-nodes.ts; read through core-node-table.ts only. */
declare const table: unknown
export default table
