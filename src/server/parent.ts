const LOOK_MS = 500;

/**
 * Calls back when the process that runs this one has ended, which is npm. It passes on SIGTERM and SIGINT; ended otherwise, it would
 * leave a server that nobody knows of.
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
