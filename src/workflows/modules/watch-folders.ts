import { statSync, watch, type FSWatcher } from 'node:fs'

export interface FolderWatch {
  /** The folders to watch from now on: absolute paths, each for its own entries only. */
  follow(folders: Iterable<string>): void
  close(): void
}

export interface FolderWatchOptions {
  readonly onChange: () => void
  /** The system refuses to watch (too many watches, or a mount that cannot); called once. */
  readonly onFailure: (error: unknown) => void
  /** Several events that come together are one change. */
  readonly debounceMs?: number
}

/** Watches single folders, so that `node_modules` and the like cost nothing. */
export function watchFolders({ onChange, onFailure, debounceMs = 50 }: FolderWatchOptions): FolderWatch {
  const watchers = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let hasFailed = false

  const changed = (): void => {
    if (isClosed) return
    clearTimeout(timer)
    timer = setTimeout(onChange, debounceMs)
    timer.unref()
  }

  const fail = (error: unknown): void => {
    if (isClosed || hasFailed) return
    hasFailed = true
    onFailure(error)
  }

  const unfollow = (folder: string): void => {
    watchers.get(folder)?.watcher.close()
    watchers.delete(folder)
  }

  return {
    follow(folders) {
      const wanted = new Set(folders)
      for (const [folder, { identity }] of [...watchers]) {
        if (!wanted.has(folder) || identityOf(folder) !== identity) unfollow(folder)
      }
      const added = [...wanted].filter((folder) => !watchers.has(folder))
      // What changed between the reading of a folder and its watch is seen by reading once more.
      if (added.length > 0) changed()
      for (const folder of added) {
        if (isClosed) return
        try {
          const identity = identityOf(folder)
          const watcher = watch(folder, { persistent: false }, changed)
          // A folder that goes away ends its watch; the folder above reports that.
          watcher.on('error', () => unfollow(folder))
          watchers.set(folder, { watcher, identity })
        } catch (error) {
          fail(error)
        }
      }
    },
    close() {
      isClosed = true
      clearTimeout(timer)
      for (const folder of [...watchers.keys()]) unfollow(folder)
    },
  }
}

/** Differs when another folder has taken the place of one: a watch stays with the one that it began with. */
function identityOf(folder: string): string {
  const found = statSync(folder, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev}:${found.ino}:${found.birthtimeNs}`
}
