/** The last events of a sequence, numbered from 1. Adding one costs the same however many are kept. */
export class RecentEvents<Event> {
  readonly #capacity: number
  #events: Event[] = []
  #lastNumber = 0
  /** Events from this number on are kept. */
  #oldestKept = 1

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get lastNumber(): number {
    return this.#lastNumber
  }

  /** The number that the next event gets. */
  get nextNumber(): number {
    return this.#lastNumber + 1
  }

  add(event: Event): void {
    this.#lastNumber++
    this.#events[this.#lastNumber % this.#capacity] = event
    this.#oldestKept = Math.max(this.#oldestKept, this.#lastNumber - this.#capacity + 1)
  }

  /** Leaves a gap: what came before cannot be continued. */
  skip(): void {
    this.#lastNumber++
    this.#oldestKept = this.#lastNumber + 1
  }

  /** Forgets the events and goes on counting. */
  clear(): void {
    this.#events = []
    this.#oldestKept = this.#lastNumber + 1
  }

  /** The events after this number; `undefined` when some are missing, or it never was given. */
  after(number: number): Event[] | undefined {
    if (number > this.#lastNumber || number + 1 < this.#oldestKept) return undefined
    const found: Event[] = []
    for (let next = number + 1; next <= this.#lastNumber; next++) {
      const event = this.#events[next % this.#capacity]
      if (event !== undefined) found.push(event)
    }
    return found
  }
}
