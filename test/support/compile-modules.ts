import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * What the compiler says, with the options of this project, of modules that lie nowhere: `name: complaint`.
 * @param sources name of a module, such as `draw`, → its text
 */
export function compileModules(sources: ReadonlyMap<string, string>): readonly string[] {
  const project = ts.readJsonConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonSourceFileConfigFileContent(project, ts.sys, root)
  const files = new Map([...sources].map(([name, source]) => [`${root}workflows/${name}.written.ts`, { name, source }]))
  const host = ts.createCompilerHost({ ...options, types: [] })
  const { readFile, fileExists } = host
  host.readFile = (path) => files.get(path)?.source ?? readFile(path)
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.getSourceFile = (path, language) => {
    const text = host.readFile(path)
    return text === undefined ? undefined : ts.createSourceFile(path, text, language)
  }
  const program = ts.createProgram([...files.keys()], { ...options, types: [] }, host)
  return [...files].flatMap(([path, { name }]) => {
    const file = program.getSourceFile(path)
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.map(({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
  })
}
