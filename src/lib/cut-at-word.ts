/** The beginning of a text, no longer than `length`. Words stay whole where there are blanks between them, and characters. */
export function cutAtWord(text: string, length: number): string {
  if (text.length <= length) return text
  const blank = text.lastIndexOf(' ', length)
  return text.slice(0, blank > 0 ? blank : length).replace(/[\ud800-\udbff]$/, '')
}
