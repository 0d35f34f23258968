import * as zod3 from 'zod/v3'

/** Stands for src/workflows/modules/load-zod3.ts. */
export function loadZod3(): unknown {
  return { ...zod3, default: zod3.z }
}
