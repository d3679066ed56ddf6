// How the console is built and tested. Must not know where it will be served from: the binary serves it at `/`.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// In development the API is that of a running server.
const server = process.env.ACTARIUM_URL ?? "http://127.0.0.1:8470";
const toServer = { target: server, changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // Its polyfill would be an inline script, which the content security policy forbids.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/v1": toServer, "/openapi.json": toServer },
  },
  preview: {
    host: "127.0.0.1",
    proxy: { "/v1": toServer, "/openapi.json": toServer },
  },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"], environment: "node" },
});
