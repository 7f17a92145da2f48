const LOOK_MS = 500;

/**
 * Calls back when npm, which runs this process, has ended. npm passes on SIGTERM and SIGINT; if it ends in another way, it
 * would leave a server behind.
 */
export function watchParent(onGone: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS);
  timer.unref();
}
