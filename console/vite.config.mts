import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  // The server tells the page where its files are, and the files find each other by `import.meta.url`.
  base: './',
  plugins: [react()],
  // Replaced in every answer. React Aria reads it for its style elements.
  html: { cspNonce: '__LATCHKEY_NONCE__' },
  build: {
    outDir: '../src/console/ui',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
  },
});
