import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Prometheus itself calls the program that it scrapes `instance`. */
export const instanceLabel = 'comfyui_instance'

/** What a metric is, for the documentation. */
export interface MetricDescription {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
}

interface InstrumentOptions<Label extends string> {
  readonly name: string
  /** One sentence for a person who sees the metric for the first time. */
  readonly help: string
  readonly labels?: readonly Label[]
}

/** Makes metrics in one registry, and remembers what they are. */
export class Instruments {
  readonly descriptions: MetricDescription[] = []
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** `collect` is called by each scrape. */
  counter<Label extends string = never>(
    options: InstrumentOptions<Label> & { readonly collect?: (counter: Counter<Label>) => void },
  ): Counter<Label> {
    const { collect } = options
    return new Counter({
      ...this.#note('counter', options),
      ...(collect && {
        collect() {
          collect(this)
        },
      }),
    })
  }

  /** `collect` is called by each scrape. */
  gauge<Label extends string = never>(
    options: InstrumentOptions<Label> & { readonly collect?: (gauge: Gauge<Label>) => void },
  ): Gauge<Label> {
    const { collect } = options
    return new Gauge({
      ...this.#note('gauge', options),
      ...(collect && {
        collect() {
          collect(this)
        },
      }),
    })
  }

  histogram<Label extends string = never>(
    options: InstrumentOptions<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label> {
    return new Histogram({ ...this.#note('histogram', options), buckets: [...options.buckets] })
  }

  #note<Label extends string>(
    type: MetricDescription['type'],
    { name, help, labels = [] }: InstrumentOptions<Label>,
  ): { name: string; help: string; labelNames: readonly Label[]; registers: Registry[] } {
    this.descriptions.push({ name, type, help, labels })
    return { name, help, labelNames: labels, registers: [this.#registry] }
  }
}
