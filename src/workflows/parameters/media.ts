import { z } from 'zod'

export const mediaKinds = ['image', 'mask', 'video', 'audio', '3d'] as const
export type MediaKind = (typeof mediaKinds)[number]

/** Key in Zod's metadata, and so in the JSON Schema, that says a text is media and of which kind. */
const mediaKey = 'x-comfyui-media'

/**
 * A parameter that takes an image. Callers send an https URL, a data URI, base64, a multipart part or the id of an asset;
 * `generateWorkflow` gets the name of the uploaded file, which is what `LoadImage` takes.
 */
export function image(): z.ZodString {
  return media('image')
}

/** A parameter that takes a mask: an image whose alpha channel (or the channel that the node reads) is the mask. */
export function mask(): z.ZodString {
  return media('mask')
}

/** A parameter that takes a video, as `image` takes an image. */
export function video(): z.ZodString {
  return media('video')
}

/** A parameter that takes sound, as `image` takes an image. */
export function audio(): z.ZodString {
  return media('audio')
}

/**
 * A parameter that takes a 3D model, as `image` takes an image: GLB, glTF, OBJ, STL, FBX, PLY or SPZ. `generateWorkflow`
 * gets what `Load3D` takes as `model_file`.
 */
export function model3d(): z.ZodString {
  return media('3d')
}

/** The kind of media that a schema was marked with; refinements and descriptions added later keep the mark. */
export function mediaKindOf(schema: z.core.$ZodType): MediaKind | undefined {
  const kind = z.globalRegistry.get(schema)?.[mediaKey]
  return mediaKinds.find((known) => known === kind)
}

/** Says in the JSON Schema of a text that it is media. */
export function describeMedia(json: Record<string, unknown>, kind: MediaKind): void {
  json[mediaKey] = kind
  json['format'] = 'byte'
  json['contentMediaType'] = contentTypes[kind]
}

const contentTypes: Readonly<Record<MediaKind, string>> = {
  image: 'image/*',
  mask: 'image/*',
  video: 'video/*',
  audio: 'audio/*',
  '3d': 'model/*',
}

function media(kind: MediaKind): z.ZodString {
  return z.string().meta({ [mediaKey]: kind })
}
