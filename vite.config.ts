import { defineConfig } from 'vite'

/** The pages: sources in public/app, built into dist/public. `npm run dev` serves them from the sources, with a gateway on its usual port. */
export default defineConfig({
  root: 'public/app',
  base: './',
  publicDir: 'static',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/public',
    emptyOutDir: true,
    // Old browsers that need the polyfill cannot run the rest either; without it no script makes elements of text.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 200
  },
  server: {
    host: '127.0.0.1',
    // The page looks for the gateway one level above itself.
    proxy: { '^/(api|auth|rpc|attachments)': 'http://127.0.0.1:18800' }
  }
})
