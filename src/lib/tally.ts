/** Counts things by what they belong to; what belongs to nothing is not counted. */
export class Tally {
  readonly #counts = new Map<string, number>()

  of(owner: string): number {
    return this.#counts.get(owner) ?? 0
  }

  has(owner: string): boolean {
    return this.#counts.has(owner)
  }

  add(owner: string | undefined): void {
    if (owner !== undefined) this.#counts.set(owner, this.of(owner) + 1)
  }

  remove(owner: string | undefined): void {
    if (owner === undefined) return
    const left = this.of(owner) - 1
    if (left > 0) this.#counts.set(owner, left)
    else this.#counts.delete(owner)
  }
}
