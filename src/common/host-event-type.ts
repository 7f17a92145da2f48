/** The rule for the type of a host's event, in words. */
export const HOST_EVENT_TYPE =
  'a prefix of your own, a dot and a name, such as billing.invoice-paid: 100 characters at most';

/**
 * Whether a text can be the type of a host's event in the audit log. The types of Latchkey have no dot, so that no event of a host
 * passes for one of theirs.
 */
export function isHostEventType(text: unknown): text is string {
  return typeof text === 'string' && text.length <= 100 && /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$/.test(text);
}
