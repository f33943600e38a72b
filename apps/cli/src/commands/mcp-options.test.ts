import { expect, test } from 'vitest'
import { mcpSettings } from './mcp-options.ts'

test('where MCP is answered is said by the flag, else by the variables of the Python service', () => {
  expect(mcpSettings({}, {})).toEqual({ tools: 'default', path: '/mcp-server/mcp' })
  expect(mcpSettings({ mcp: 'all', mcpPath: 'tools' }, {})).toEqual({
    tools: 'all',
    path: '/tools',
  })
  const python = { MINDTRACE_MCP__MOUNT_PATH: 'my-tools', MINDTRACE_MCP__HTTP_APP_PATH: '/at/' }
  expect(mcpSettings({}, python).path).toBe('/my-tools/at')
  expect(mcpSettings({}, { MINDTRACE_MCP__MOUNT_PATH: '/' }).path).toBe('/mcp')
  expect(mcpSettings({ mcpPath: '/a/b' }, python).path).toBe('/a/b')
})

test('sessions are left out by the flag or its variable', () => {
  expect(mcpSettings({ mcpStateless: true }, {})).toMatchObject({ sessions: false })
  expect(mcpSettings({}, { MINDTRACE_MCP_STATELESS: 'yes' })).toMatchObject({ sessions: false })
  expect(mcpSettings({}, { MINDTRACE_MCP_STATELESS: '0' })).not.toHaveProperty('sessions')
})

test.each(['', '/', 'a b', '/v1/mcp', '/a/../b', '/assets.get', '/a?b'])(
  'a path that leads elsewhere is refused: %s',
  (mcpPath) => {
    expect(() => mcpSettings({ mcpPath }, {})).toThrow(/--mcp-path is '.*': use a path/)
  },
)
