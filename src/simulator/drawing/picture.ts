/** Pixels in rows from the top, 8 bits a channel: red, green, blue, and alpha where there are four. */
export interface Picture {
  width: number
  height: number
  channels: 3 | 4
  data: Uint8Array
}

/** One channel of 8 bits. */
export interface MaskPicture {
  width: number
  height: number
  data: Uint8Array
}

export function filledPicture(width: number, height: number, color: number): Picture {
  const data = Buffer.allocUnsafe(width * height * 3)
  data.fill(Buffer.from([(color >> 16) & 255, (color >> 8) & 255, color & 255]))
  return { width, height, channels: 3, data }
}

/** The same picture without alpha. */
export function withoutAlpha(picture: Picture): Picture {
  if (picture.channels === 3) return picture
  const { width, height, data: source } = picture
  const data = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = source[from] ?? 0
    data[to + 1] = source[from + 1] ?? 0
    data[to + 2] = source[from + 2] ?? 0
  }
  return { width, height, channels: 3, data }
}

/** The part that begins at `left`, `top`; it must lie inside. */
export function cropPicture(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  const { channels, data: source, width: sourceWidth } = picture
  const data = new Uint8Array(width * height * channels)
  for (let row = 0; row < height; row += 1) {
    const from = ((top + row) * sourceWidth + left) * channels
    data.set(source.subarray(from, from + width * channels), row * width * channels)
  }
  return { width, height, channels, data }
}

/** Stretched to a size: by the nearest pixel, or smoothly between four. */
export function resizePicture(picture: Picture, width: number, height: number, smooth: boolean): Picture {
  if (picture.width === width && picture.height === height) return picture
  const { channels, data: source } = picture
  const data = new Uint8Array(width * height * channels)
  const columns = axis(picture.width, width, smooth)
  const rows = axis(picture.height, height, smooth)
  const rowBytes = picture.width * channels
  let to = 0
  for (let y = 0; y < height; y += 1) {
    const top = (rows.low[y] ?? 0) * rowBytes
    const bottom = (rows.high[y] ?? 0) * rowBytes
    const down = rows.share[y] ?? 0
    for (let x = 0; x < width; x += 1) {
      const left = (columns.low[x] ?? 0) * channels
      const right = (columns.high[x] ?? 0) * channels
      const across = columns.share[x] ?? 0
      for (let channel = 0; channel < channels; channel += 1) {
        const a = source[top + left + channel] ?? 0
        const b = source[top + right + channel] ?? 0
        const c = source[bottom + left + channel] ?? 0
        const d = source[bottom + right + channel] ?? 0
        const upper = a + (b - a) * across
        data[to + channel] = upper + (c + (d - c) * across - upper) * down + 0.5
      }
      to += channels
    }
  }
  return { width, height, channels, data }
}

/** For each target position the two source positions around it and how far it is from the first to the second. */
function axis(from: number, to: number, smooth: boolean): { low: Int32Array; high: Int32Array; share: Float64Array } {
  const low = new Int32Array(to)
  const high = new Int32Array(to)
  const share = new Float64Array(to)
  for (let index = 0; index < to; index += 1) {
    const center = ((index + 0.5) * from) / to
    const position = smooth ? Math.max(0, center - 0.5) : center
    const first = Math.min(from - 1, Math.floor(position))
    low[index] = first
    high[index] = Math.min(from - 1, first + 1)
    share[index] = smooth ? position - first : 0
  }
  return { low, high, share }
}

export function invertPicture(picture: Picture): Picture {
  return { ...picture, data: picture.data.map((value) => 255 - value) }
}
