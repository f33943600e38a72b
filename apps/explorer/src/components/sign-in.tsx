import { useState } from 'preact/hooks'
import { lakeKey, signIn } from '../lake-key.ts'

/** Asks for the key of a lake that has keys. */
export function SignIn() {
  const [key, setKey] = useState('')
  const wasRefused = lakeKey() !== undefined
  return (
    <main class="start">
      <form
        class="state"
        onSubmit={(event) => {
          event.preventDefault()
          if (key.trim() !== '') signIn(key.trim())
        }}
      >
        <h2>This lake asks for a key</h2>
        {wasRefused && <p role="alert">The key is not known here, was revoked or has expired.</p>}
        <p>It stays in this tab and is sent to this service only.</p>
        <label class="sign-in">
          <span class="hidden">Key</span>
          <input
            type="password"
            name="key"
            autoComplete="off"
            spellcheck={false}
            placeholder="mtk_…"
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
          <button type="submit" class="button">
            Sign in
          </button>
        </label>
        <p class="hint">
          Whoever runs the lake makes one: <code>mindtrace keys create --name YOU</code>
        </p>
      </form>
    </main>
  )
}
