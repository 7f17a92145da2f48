import type { LatchkeySettings } from '../../latchkey.options';
import type { DocumentSettings } from './document.cache';

/** How long the documents of issuers are kept. */
export function documentSettings({ keySetMaxAgeMs, keySetCooldownMs }: LatchkeySettings): DocumentSettings {
  return { maxAgeMs: keySetMaxAgeMs, cooldownMs: keySetCooldownMs };
}
