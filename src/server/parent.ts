const LOOK_MS = 500;
/** What npm runs the server by. */
const SCRIPTS = ['start', 'start:dev', 'bootstrap'];

/**
 * Calls back when the npm that runs this process has ended. npm passes on SIGTERM and SIGINT; killed otherwise, it would leave a
 * server that nobody knows of.
 */
export function watchParent(onGone: () => void): void {
  const { npm_package_name: name, npm_lifecycle_event: script = '' } = process.env;
  // What else npm runs may start a server to outlive it.
  if (name !== 'latchkey' || !SCRIPTS.includes(script)) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS);
  timer.unref();
}
