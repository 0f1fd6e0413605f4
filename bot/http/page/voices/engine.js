import { requestJson } from "../api.js";

const EVERY_MS = 500;

/**
 * Shows how far the voice is loaded, again and again until `work` is done.
 *
 * @param {Promise<unknown>} work a request that may have to wait for the voice. @returns {Promise<unknown>} its result.
 * @param {(text: string, progress: number | null) => void} show
 */
export async function whileWaiting(work, show) {
  let isOver = false;
  const began = performance.now();
  const watch = async () => {
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      const state = isOver ? null : await requestJson("api/voices/engine").catch(() => null);
      if (isOver) return;
      const seconds = `${Math.round((performance.now() - began) / 1000)} s`;
      if (state?.state !== "loading" || state.loading === null) show(seconds, null);
      else show(`${state.engine} is being loaded, ${Math.round(100 * state.loading)} %, ${seconds}`, state.loading);
    }
  };
  void watch();
  try {
    return await work;
  } finally {
    isOver = true;
  }
}
