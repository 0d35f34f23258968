import type { Picture } from './picture.ts'
import { createRandom } from './random.ts'

type Color = readonly [red: number, green: number, blue: number]

const hillLayers = 5

/**
 * A landscape: sky, a sun and hills behind each other. The mood (colours) follows from one text, the shapes from
 * another; equal texts and sizes give equal pixels.
 */
export function drawLandscape(width: number, height: number, mood: string, shapes: string): Picture {
  const paint = choosePaint(createRandom(mood))
  const random = createRandom(shapes)
  const data = new Uint8Array(width * height * 3)
  const picture: Picture = { width, height, channels: 3, data }
  const horizon = 0.35 + 0.25 * random()
  drawSky(picture, paint.zenith, paint.haze, horizon)
  drawSun(picture, paint.sun, 0.1 + 0.8 * random(), horizon * (0.3 + 0.6 * random()), 0.05 + 0.09 * random())
  for (let layer = 0; layer < hillLayers; layer += 1) {
    const depth = layer / (hillLayers - 1)
    const level = horizon + (0.95 - horizon) * depth * depth
    drawHills(
      picture,
      ridge(width, height, level, 0.05 + 0.09 * (1 - depth * 0.5), random),
      mix(paint.far, paint.near, depth),
    )
  }
  return picture
}

function choosePaint(random: () => number): Record<'zenith' | 'haze' | 'sun' | 'far' | 'near', Color> {
  const hue = random()
  const second = hue + 0.08 + 0.4 * random()
  const night = random() < 0.25
  return {
    zenith: fromHsl(hue, 0.55, night ? 0.14 : 0.5),
    haze: fromHsl(second, 0.6, night ? 0.4 : 0.82),
    sun: fromHsl(second + 0.05, 0.8, 0.9),
    far: fromHsl(hue + 0.03, 0.3, night ? 0.32 : 0.62),
    near: fromHsl(second - 0.1, 0.4, night ? 0.08 : 0.2),
  }
}

function drawSky({ data, width, height }: Picture, zenith: Color, haze: Color, horizon: number): void {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  for (let y = 0; y < height; y += 1) {
    const [red, green, blue] = mix(zenith, haze, Math.min(1, y / (height * horizon)))
    bytes.fill(Buffer.from([red, green, blue]), y * width * 3, (y + 1) * width * 3)
  }
}

function drawSun({ data, width, height }: Picture, color: Color, across: number, down: number, size: number): void {
  const radius = size * Math.min(width, height)
  const [centerX, centerY] = [across * width, down * height]
  const bottom = Math.min(height, Math.ceil(centerY + radius))
  for (let y = Math.max(0, Math.floor(centerY - radius)); y < bottom; y += 1) {
    const half = Math.sqrt(Math.max(0, radius ** 2 - (y + 0.5 - centerY) ** 2))
    const right = Math.min(width, Math.round(centerX + half))
    for (let x = Math.max(0, Math.round(centerX - half)); x < right; x += 1) data.set(color, (y * width + x) * 3)
  }
}

/** The height of a line of hills in pixels from the top, for each column. */
function ridge(width: number, height: number, level: number, roughness: number, random: () => number): Int32Array {
  const waves = [1, 2.3, 5.1, 11.7].map((frequency, index) => ({
    frequency: frequency * (0.7 + 0.6 * random()) * 2 * Math.PI,
    phase: random() * 2 * Math.PI,
    amplitude: (roughness * (0.4 + 0.6 * random())) / 1.9 ** index,
  }))
  const line = new Int32Array(width)
  for (let x = 0; x < width; x += 1) {
    let offset = 0
    for (const { frequency, phase, amplitude } of waves) offset += amplitude * Math.sin((x / width) * frequency + phase)
    line[x] = Math.max(0, Math.round((level + offset) * height))
  }
  return line
}

function drawHills({ data, width, height }: Picture, line: Int32Array, color: Color): void {
  const top = line.reduce((least, y) => Math.min(least, y), height)
  for (let y = top; y < height; y += 1) {
    const shade = 1 - (0.35 * (y - top)) / height
    const [red, green, blue] = [color[0] * shade, color[1] * shade, color[2] * shade]
    let at = y * width * 3
    for (let x = 0; x < width; x += 1, at += 3) {
      if (y < (line[x] ?? 0)) continue
      data[at] = red
      data[at + 1] = green
      data[at + 2] = blue
    }
  }
}

function mix(a: Color, b: Color, share: number): Color {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]
}

function fromHsl(hue: number, saturation: number, lightness: number): Color {
  const strength = saturation * Math.min(lightness, 1 - lightness)
  const channel = (offset: number): number => {
    const position = (offset + (((hue % 1) + 1) % 1) * 12) % 12
    return 255 * (lightness - strength * Math.max(-1, Math.min(position - 3, 9 - position, 1)))
  }
  return [channel(0), channel(8), channel(4)]
}
