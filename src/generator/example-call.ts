import type { Parameter } from '../converter/parameters/parameter-plan.ts'

const exampleFiles = { image: 'photo.png', mask: 'mask.png', video: 'clip.mp4', audio: 'sound.mp3' }

/** A command that calls a workflow on a server as it starts without settings: what is required, and a text. */
export function exampleCall(route: string, parameters: readonly Parameter[]): string {
  const texts = parameters.filter(({ level, type }) => level === 'main' && type.kind === 'text')
  const text = texts.find(({ name }) => name === 'prompt') ?? texts[0]
  const files = parameters.flatMap(({ name, type, default: given }) =>
    type.kind === 'media' && given.kind === 'none' ? [`${name}=@${exampleFiles[type.media]}`] : [],
  )
  const values = { ...(text !== undefined && { [text.name]: 'a red fox' }) }
  const body =
    files.length === 0
      ? [`-d '${JSON.stringify(values)}'`]
      : [...files, ...Object.entries(values).map(([name, value]) => `${name}='${value}'`)].map((part) => `-F ${part}`)
  return ['curl', '-X POST', `http://localhost:3000/${route}`, ...body, '-o result.json'].join(' ')
}
