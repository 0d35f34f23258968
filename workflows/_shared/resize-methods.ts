/*
 * What ComfyUI's own nodes offer. Folders and files whose names begin with `_` are no routes: they hold what several
 * workflows share.
 */

/** How ComfyUI resizes images. */
export const resizeMethods = ['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'] as const
