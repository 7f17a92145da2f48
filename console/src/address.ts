/** A function, because the bundler takes `new URL(…, import.meta.url)` for a file of its own. */
function ownAddress(): string {
  return import.meta.url;
}

/** From `<mount>/console/assets/x.js` to `<mount>/`: no address is ever configured. */
export const ROOT = new URL('../..', ownAddress()).href;

const isShareable = document.querySelector('meta[name="latchkey-tabs"]')?.getAttribute('content') === 'share';

/**
 * Whether the origin is Latchkey's alone: the server says that it has no host application, and the console is at the root. Below a
 * prefix, which only a proxy knows of, the other pages of the origin can read what its storage and channels hold.
 */
export const IS_ALONE = isShareable && new URL(ROOT).pathname === '/';
