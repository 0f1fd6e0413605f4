/** Keeps the screen on, where the browser can, until the function that is returned is called. */
export function keepAwake() {
  let over = false;
  let lock = null;
  const ask = async () => {
    if (over || document.hidden) return;
    try {
      lock = await navigator.wakeLock?.request("screen");
      if (over) void lock?.release();
    } catch {
      // The browser refuses, for example because the battery is low. The call goes on all the same.
    }
  };
  document.addEventListener("visibilitychange", ask);
  void ask();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", ask);
    void lock?.release();
  };
}
