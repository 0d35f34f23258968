const ascii = /^[\u0020-\u007e]*$/
const emoji = /\p{RGI_Emoji}|[\p{Emoji}--[#*0-9\p{Regional_Indicator}]]\ufe0f?/gv
/** A picture that is drawn as text unless it is asked for otherwise. */
const narrowEmoji = /^[\p{Emoji}--\p{Emoji_Presentation}]$/v
const none = /[\p{Control}\p{Nonspacing_Mark}\p{Enclosing_Mark}]/u
/** Chinese, Japanese and Korean, and full-width forms. */
const wide =
  /[\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\u3247\u3250-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u

/** Columns that a line of text takes on a screen, as formatters count them. */
export function textWidth(text: string): number {
  if (ascii.test(text)) return text.length
  let width = 0
  const rest = text.replace(emoji, (picture) => {
    width += narrowEmoji.test(picture) ? 1 : 2
    return ''
  })
  for (const character of rest) width += none.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}
