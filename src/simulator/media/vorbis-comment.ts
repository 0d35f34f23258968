/** A comment with a title, as FLAC and Ogg have it. */
export function vorbisComment(title: string): Buffer {
  const vendor = Buffer.from('comfyui-api simulator')
  const comment = Buffer.from(`TITLE=${title}`)
  return Buffer.concat([u32(vendor.length), vendor, u32(1), u32(comment.length), comment])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
