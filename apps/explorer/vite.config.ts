import { defaultClientConditions, defineConfig } from 'vite'

export default defineConfig({
  base: './',
  resolve: { conditions: ['@mindtrace/source', ...defaultClientConditions] },
  build: {
    assetsDir: 'ui',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2024',
  },
  // In development the page comes from Vite and everything else from a served lake.
  server: {
    proxy: {
      '^/(v1/|[a-z_]+(\\.[a-z_]+)+$)': process.env.MINDTRACE_LAKE ?? 'http://127.0.0.1:8080',
    },
  },
})
