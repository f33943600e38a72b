/** One number of a metric. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly value: number
  /** Of a histogram: which of its series. */
  readonly part?: 'bucket' | 'sum' | 'count' | undefined
}

/** A metric with all its series. */
export interface Metric {
  /** Letters and `_`; counters end in `_total`, units are in the name. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** The numbers as they are now. */
  samples(): Iterable<Sample> | Promise<Iterable<Sample>>
}

/** The media type of {@link prometheusText}. */
export const prometheusMediaType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Metrics as Prometheus reads them.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export async function prometheusText(metrics: Iterable<Metric>): Promise<string> {
  const lines: string[] = []
  for (const { name, help, type, samples } of metrics) {
    lines.push(`# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`)
    lines.push(`# TYPE ${name} ${type}`)
    for (const { labels = {}, value, part } of await samples()) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
      const series = part === undefined ? name : `${name}_${part}`
      lines.push(`${series}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numeral(value)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}

function numeral(value: number): string {
  return Number.isFinite(value)
    ? String(value)
    : Number.isNaN(value)
      ? 'NaN'
      : value > 0
        ? '+Inf'
        : '-Inf'
}

/** How often something took how long. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  /** Upper bounds of the buckets, ascending; beyond the last lies one more. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket += 1
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#sum += value
  }

  /** Each bucket counts those below it as well. */
  *samples(labels: Readonly<Record<string, string>>): Generator<Sample> {
    let count = 0
    for (const [index, own] of this.#counts.entries()) {
      count += own
      const bound = this.#bounds[index] ?? Number.POSITIVE_INFINITY
      yield { part: 'bucket', labels: { ...labels, le: numeral(bound) }, value: count }
    }
    yield { part: 'sum', labels, value: this.#sum }
    yield { part: 'count', labels, value: count }
  }
}
