// Writes the client SDK and the companion into dist/, each as one file: part of npm run build
import { fileURLToPath } from 'node:url'
import { writeBundles } from './client/bundle.ts'

await writeBundles(process.argv[2] ?? fileURLToPath(new URL('../dist/', import.meta.url)))
