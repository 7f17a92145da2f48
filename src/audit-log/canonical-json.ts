/**
 * The one spelling that a JSON value has by RFC 8785 (JSON Canonicalization Scheme): no white space, and the names of an object
 * sorted by their UTF-16 code units. ECMAScript writes numbers and texts as the RFC demands already.
 *
 * @throws TypeError for what is not JSON: undefined, a function, a number that is not finite.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) return canonicalObject(value);
  const isJson = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  if (!isJson) throw new TypeError(`${typeof value} has no canonical form`);
  return JSON.stringify(value);
}

function canonicalObject(value: object): string {
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
