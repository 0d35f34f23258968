/**
 * A name for each workflow in PascalCase, unique among them: `qwen/qwen_base_txt2img` is `QwenBaseTxt2img`. The family
 * in front is left out where the name repeats it; where that makes two equal, both keep their full name.
 */
export function componentNames(workflows: readonly string[]): ReadonlyMap<string, string> {
  const short = new Map(workflows.map((workflow) => [workflow, pascalCase(withoutFamily(workflow))]))
  const uses = Map.groupBy(short.values(), (name) => name)
  const taken = new Set<string>()
  const names = new Map<string, string>()
  for (const [workflow, name] of short) {
    let unique = uses.get(name)?.length === 1 ? name : pascalCase(workflow)
    while (taken.has(unique)) unique = `${unique}2`
    taken.add(unique)
    names.set(workflow, unique)
  }
  return names
}

function withoutFamily(workflow: string): string {
  const segments = workflow.split('/')
  const last = segments.at(-1) ?? workflow
  const family = segments[0] ?? ''
  return segments.length === 2 && last.toLowerCase().startsWith(family.toLowerCase()) ? last : workflow
}

/** Letters and digits only, beginning with a letter. */
export function pascalCase(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(name) ? name : `W${name}`
}
