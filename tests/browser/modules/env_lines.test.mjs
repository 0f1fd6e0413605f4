import assert from "node:assert/strict";
import { test } from "node:test";

import { changesOf, envLines } from "./page/setup/env_lines.js";

test("lines for .env are written as the bot writes them, and secrets are not shown", () => {
  const changes = { LLM_URL: "http://a:1/v1", LLM_MODEL: "it's \\ mine", LLM_API_KEY: "k", TTS_ENGINE: null };
  assert.deepEqual(envLines(changes, new Set(["LLM_API_KEY"])), [
    "LLM_URL=http://a:1/v1",
    "LLM_MODEL='it\\'s \\\\ mine'",
    "LLM_API_KEY=…",
    "# take out TTS_ENGINE",
  ]);
});

test("only a value that differs is a change, and a secret that is not typed stays", () => {
  const now = { LLM_URL: " ", LLM_MODEL: "b", LLM_API_KEY: "", TTS_ENGINE: "" };
  assert.deepEqual(changesOf({ LLM_URL: "http://a", LLM_MODEL: "b" }, now, new Set(["LLM_API_KEY"])), { LLM_URL: null });
});
