/** Characters that take two columns: Chinese, Japanese and Korean, full-width forms, and pictures. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u
/** Characters that take none. */
const none = /[\u0000-\u001f\u007f-\u009f\u0300-\u036f\u200b-\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]/u
const emoji = /\p{RGI_Emoji}|\p{Emoji_Presentation}/v

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Columns that a line of text takes on a screen. */
export function textWidth(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) {
    if (emoji.test(segment)) width += 2
    else for (const character of segment) width += none.test(character) ? 0 : wide.test(character) ? 2 : 1
  }
  return width
}
