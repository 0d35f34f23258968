/**
 * The modules of `workflows/` by their path in it. The bundler puts them in: inside the binary they are compiled already,
 * and no transpiler is needed for them.
 */
export const shippedWorkflows: Readonly<Record<string, () => unknown>> = {}
