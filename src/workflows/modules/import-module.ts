/** A file of its own, because a bundle cannot import what lies outside of it in this way and has another in its place. */
export function importModule(url: string): Promise<unknown> {
  return import(url)
}
