import { expect, test } from 'vitest'
import * as surface from './index.ts'

test('exports what it means to', () => {
  expect(Object.keys(surface).sort()).toEqual([
    'createAccess',
    'createApp',
    'openTelemetry',
    'serve',
    'serveMcpOverStdio',
    'startService',
  ])
})
