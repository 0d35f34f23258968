import { Command } from 'commander'
import { readPackageVersion } from '../config/package-info.ts'
import { initCommand, type InitDependencies } from './commands/init.ts'
import { renderCommand, type RenderDependencies } from './commands/render.ts'
import { serveCommand, type ServeDependencies } from './commands/serve.ts'

/** The command line as a whole. Every command is one file of `commands`. */
export function createProgram(dependencies: ServeDependencies & RenderDependencies & InitDependencies): Command {
  return new Command('comfyui-api')
    .description('A typed REST API in front of ComfyUI workflows.')
    .version(readPackageVersion(), '-v, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help. After a command: the help of that command.')
    .helpCommand(false)
    .addCommand(serveCommand(dependencies), { isDefault: true })
    .addCommand(renderCommand(dependencies))
    .addCommand(initCommand(dependencies))
    .addHelpText('after', '\nWithout a command, serve is meant. Its settings: comfyui-api serve --help')
}
