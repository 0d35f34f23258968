/* The smallest files of things that have a form. */

/** A triangle that is called what `title` says (glTF 2.0, binary). */
export function writeGlb(title: string): Buffer {
  const points = [0, 0, 0, 1, 0, 0, 0, 1, 0]
  const binary = Buffer.from(new Float32Array(points).buffer)
  const float = 5126
  const gltf = {
    asset: { version: '2.0', generator: 'comfyui-api simulator' },
    scene: 0,
    scenes: [{ name: title, nodes: [0] }],
    nodes: [{ name: title, mesh: 0 }],
    meshes: [{ name: title, primitives: [{ attributes: { POSITION: 0 } }] }],
    accessors: [{ bufferView: 0, componentType: float, count: 3, type: 'VEC3', min: [0, 0, 0], max: [1, 1, 0] }],
    bufferViews: [{ buffer: 0, byteLength: binary.length }],
    buffers: [{ byteLength: binary.length }],
  }
  const json = Buffer.from(JSON.stringify(gltf))
  const padded = Buffer.concat([json, Buffer.alloc((4 - (json.length % 4)) % 4, ' ')])
  const chunks = [u32(padded.length), Buffer.from('JSON'), padded, u32(binary.length), Buffer.from('BIN\0'), binary]
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 12)
  return Buffer.concat([Buffer.from('glTF'), u32(2), u32(length), ...chunks])
}

/** A drawing with a text. */
export function writeSvg(title: string): Buffer {
  const text = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="128"><rect width="512" height="128" fill="#223"/><text x="16" y="72" fill="#fff" font-size="24">${text}</text></svg>\n`,
  )
}

/** A latent of zeros, as a safetensors file. */
export function writeLatent(title: string): Buffer {
  const zeros = Buffer.alloc(4 * 4)
  const header = {
    __metadata__: { title },
    latent_tensor: { dtype: 'F32', shape: [1, 4, 1, 1], data_offsets: [0, zeros.length] },
    latent_format_version_0: { dtype: 'F32', shape: [0], data_offsets: [zeros.length, zeros.length] },
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, zeros])
}

/** Points of a triangle (PLY, as text). */
export function writePly(title: string): Buffer {
  const properties = ['x', 'y', 'z'].map((name) => `property float ${name}\n`).join('')
  return Buffer.from(
    `ply\nformat ascii 1.0\ncomment ${title}\nelement vertex 3\n${properties}end_header\n0 0 0\n1 0 0\n0 1 0\n`,
  )
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
