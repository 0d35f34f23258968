/** What everybody who asks a demo must know. */
export const demoNotice = 'SIMULATED: no ComfyUI and no GPU is behind this server; images are drawn by a simulator.'
