import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: '../src/dhishoom/web/page',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the page's policy allows no script or style but files
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200, // MapLibre, loaded after the page
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8765' } },
});
