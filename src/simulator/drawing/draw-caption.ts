import { fontText, glyphHeight, glyphRows, glyphWidth } from './bitmap-font.ts'
import type { Picture } from './picture.ts'

/** Characters that a line should have room for: the label fits. */
const widestLine = 40
const largestScale = 6
const darkening = 0.35

/**
 * Writes a label and lines of text onto a darkened band at the bottom of a picture, in place. Long lines are wrapped;
 * what does not fit into the lower half of the picture is left out.
 */
export function drawCaption(picture: Picture, label: string, lines: readonly string[]): void {
  const advance = glyphWidth + 1
  const scale = Math.max(1, Math.min(largestScale, Math.floor(picture.width / (advance * widestLine))))
  const margin = 2 * scale
  const lineHeight = (glyphHeight + 2) * scale
  const perLine = Math.max(1, Math.floor((picture.width - 2 * margin) / (advance * scale)))
  const maxLines = Math.max(1, Math.floor((picture.height / 2 - 2 * margin) / lineHeight))
  const labelLines = wrap(fontText(label), perLine).slice(0, Math.max(1, Math.floor(maxLines / 2)))
  const wrapped = [...labelLines, ...lines.flatMap((line) => wrap(fontText(line), perLine))]
  const shown = wrapped.slice(0, maxLines)
  const bandHeight = Math.min(picture.height, shown.length * lineHeight + 2 * margin)
  const top = picture.height - bandHeight
  darken(picture, top)
  for (const [index, line] of shown.entries()) {
    drawLine(
      picture,
      line,
      margin,
      top + margin + index * lineHeight,
      scale,
      index < labelLines.length ? labelColor : textColor,
    )
  }
}

type Color = readonly [red: number, green: number, blue: number]
const labelColor: Color = [255, 214, 102]
const textColor: Color = [245, 245, 245]

function wrap(text: string, perLine: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (joined.length <= perLine) {
      line = joined
      continue
    }
    if (line !== '') lines.push(line)
    line = word
    while (line.length > perLine) {
      lines.push(line.slice(0, perLine))
      line = line.slice(perLine)
    }
  }
  if (line !== '') lines.push(line)
  return lines
}

function darken({ data, width, channels }: Picture, top: number): void {
  for (let index = top * width * channels; index < data.length; index += 1) data[index] = (data[index] ?? 0) * darkening
}

function drawLine(picture: Picture, text: string, left: number, top: number, scale: number, color: Color): void {
  let x = left
  for (const character of text) {
    drawGlyph(picture, glyphRows(character), x, top, scale, color)
    x += (glyphWidth + 1) * scale
  }
}

function drawGlyph(
  { data, width, height, channels }: Picture,
  rows: readonly number[],
  left: number,
  top: number,
  scale: number,
  color: Color,
): void {
  const bottom = Math.min(height, top + glyphHeight * scale)
  const right = Math.min(width, left + glyphWidth * scale)
  for (let y = top; y < bottom; y += 1) {
    const row = rows[Math.floor((y - top) / scale)] ?? 0
    for (let x = left; x < right; x += 1) {
      const column = glyphWidth - 1 - Math.floor((x - left) / scale)
      if (((row >> column) & 1) === 0) continue
      const at = (y * width + x) * channels
      data[at] = color[0]
      data[at + 1] = color[1]
      data[at + 2] = color[2]
    }
  }
}
