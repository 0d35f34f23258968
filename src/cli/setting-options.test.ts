import { expect, test } from 'vitest'
import type { Setting } from '../config/setting.ts'
import { settings } from '../config/settings.ts'
import { typeSources } from '../config/package-info.ts'
import { createProgram } from './program.ts'

function serveHelp(): string {
  const serve = createProgram({
    env: {},
    terminal: { isTerminal: false, print: () => undefined, printError: () => undefined, flush: async () => undefined },
    typeSources,
    renderPrompt: () => Promise.reject(new Error('nothing is rendered')),
    checkWorkflows: () => Promise.reject(new Error('nothing is checked')),
    convertExport: () => Promise.reject(new Error('nothing is converted')),
    generateModule: () => Promise.reject(new Error('nothing is generated')),
    fetchObjectInfo: () => Promise.reject(new Error('nothing is asked')),
    askServer: () => Promise.reject(new Error('nothing is asked')),
    startGateway: () => Promise.reject(new Error('not part of this test')),
    supervise: () => undefined,
    exit: () => undefined,
  }).commands.find((command) => command.name() === 'serve')
  let text = ''
  serve?.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp()
  return text
}

test('the help names every flag and every variable of a server, and none of another command', () => {
  const help = serveHelp()
  for (const setting of Object.values<Setting<unknown>>(settings)) {
    if (setting.command !== undefined) {
      expect(help).not.toContain(setting.env)
      continue
    }
    expect(help).toContain(setting.env)
    if (setting.flag !== undefined) expect(help).toContain(setting.flag)
  }
})
