import { expect, test } from 'vitest'
import { Histogram, prometheusText } from './prometheus-text.ts'

test('writes what Prometheus reads: help, type, series with labels, escaped', async () => {
  const text = await prometheusText([
    {
      name: 'a_total',
      help: 'line\nand \\',
      type: 'counter',
      samples: () => [
        { value: 1.5 },
        { labels: { path: 'C:\\x "y"\nz', other: '' }, value: Number.POSITIVE_INFINITY },
      ],
    },
    { name: 'b', help: 'late', type: 'gauge', samples: async () => [{ value: Number.NaN }] },
    { name: 'c', help: 'none', type: 'gauge', samples: () => [] },
  ])
  expect(text.split('\n')).toEqual([
    '# HELP a_total line\\nand \\\\',
    '# TYPE a_total counter',
    'a_total 1.5',
    'a_total{path="C:\\\\x \\"y\\"\\nz",other=""} +Inf',
    '# HELP b late',
    '# TYPE b gauge',
    'b NaN',
    '# HELP c none',
    '# TYPE c gauge',
    '',
  ])
})

test('a histogram counts up to each bound, the bound included', () => {
  const histogram = new Histogram([1, 2])
  for (const value of [0.5, 1, 1.5, 2, 7]) histogram.observe(value)
  expect([...histogram.samples({ task: 'x' })]).toEqual([
    { part: 'bucket', labels: { task: 'x', le: '1' }, value: 2 },
    { part: 'bucket', labels: { task: 'x', le: '2' }, value: 4 },
    { part: 'bucket', labels: { task: 'x', le: '+Inf' }, value: 5 },
    { part: 'sum', labels: { task: 'x' }, value: 12 },
    { part: 'count', labels: { task: 'x' }, value: 5 },
  ])
})
