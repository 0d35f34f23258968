/** A text that a media file carries beside its pictures or sounds, such as a comment. */
export interface MediaText {
  /** As the format calls it; empty where it gives no name. */
  readonly name: string
  readonly text: string
}

/** A text that says its own name, as `prompt:{…}` in Exif; the name is empty when it does not. */
export function splitNamed(text: string, separator: ':' | '='): MediaText {
  const match = /^([A-Za-z_][\w .-]{0,63})(.)/s.exec(text)
  if (match?.[1] === undefined || match[2] !== separator) return { name: '', text }
  return { name: match[1], text: text.slice(match[1].length + 1) }
}
