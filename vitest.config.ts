import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    // The soak's long forms take minutes.
    testTimeout: process.env.QIKI_SOAK === "1" ? 900_000 : 90_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
