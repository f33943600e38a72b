import './without-eval.ts'
import { connectLake } from '@mindtrace/client'
import { render } from 'preact'
import { App } from './app.tsx'
import { lakeKey } from './lake-key.ts'
import './styles.css'

// The page may be served below a path, next to its own API.
const address = new URL('.', location.href)
const lake = connectLake(address.href.replace(/\/$/, ''), {
  // Page and service come from one build.
  trustOutputs: true,
  apiKey: lakeKey(),
})
render(<App lake={lake} host={address.host} />, document.getElementById('app') as HTMLElement)
