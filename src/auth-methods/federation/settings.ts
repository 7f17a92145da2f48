import { X509Certificate } from 'node:crypto';
import { ValidationFailureError, type ValidationIssue } from '../../common/errors/common.errors';
import type { OutboundHttp } from '../../common/net/outbound-http';
import { OutboundError } from '../../common/net/outbound.errors';
import { type ClaimRules, entriesOf, faultOfPattern, faultOfPatterns, isBinding, normalList } from './claim-rules';
import { PrivateAddressError } from './federation.errors';

// How the settings of methods with signed tokens are merged, checked and read.

type Changes<Settings> = { readonly [Name in keyof Settings]?: Settings[Name] | null };

/** The present settings with the changes of an input. Null clears a setting (decision 27). */
export function laidOver<Settings extends object>(
  present: Settings,
  input: Changes<Settings>,
  empty: Settings,
): Settings {
  const names = Object.keys(present) as (keyof Settings)[];
  return Object.fromEntries(
    names.map((name) => [name, input[name] === null ? empty[name] : (input[name] ?? present[name])]),
  ) as Settings;
}

/** Rules as they are stored: lists in the one spelling that clients compare with. */
export function normalRules<Rules extends ClaimRules>(rules: Rules): Rules {
  const boundClaims = Object.entries(rules.boundClaims).map(([name, list]) => [name, normalList(list)] as const);
  return { ...rules, boundAudiences: normalList(rules.boundAudiences), boundClaims: Object.fromEntries(boundClaims) };
}

export const issue = (path: ValidationIssue['path'], message: string): ValidationIssue => ({
  code: 'custom',
  path,
  message,
});

/** The faults of the patterns at each place, and of all of them together, told of the longest list. */
export function issuesOfPatterns(patterns: readonly PlacedPatterns[]): ValidationIssue[] {
  const single = patterns.flatMap(([path, entries]) =>
    entries.map(faultOfPattern).flatMap((fault) => (fault === undefined ? [] : [issue(path, fault)])),
  );
  const fault = single.length > 0 ? undefined : faultOfPatterns(patterns.flatMap(([, entries]) => entries));
  const longest = patterns.toSorted(([, one], [, other]) => other.join().length - one.join().length)[0];
  return fault === undefined ? single : [issue(longest![0], fault)];
}

type PlacedPatterns = readonly [path: ValidationIssue['path'], entries: readonly string[]];

/** The faults of rules: patterns that mean nothing, and a configuration that binds nothing (decision 28). */
export function issuesOfRules(rules: ClaimRules): ValidationIssue[] {
  const { boundSubject, boundAudiences, boundClaims } = rules;
  const patterns: PlacedPatterns[] = [
    [['boundSubject'], [boundSubject]],
    [['boundAudiences'], entriesOf(boundAudiences)],
    ...Object.entries(boundClaims).map(([name, list]): PlacedPatterns => [['boundClaims', name], entriesOf(list)]),
  ];
  const issues = issuesOfPatterns(patterns);
  if (isBinding(rules)) return issues;
  const unbound = 'Bind a subject, an audience or a claim: else every token of the issuer logs in';
  return [...issues, issue(['boundSubject'], unbound)];
}

/** The faults of the certificates of a field; an empty text has none. */
export function issuesOfCertificates(name: string, pem: string): ValidationIssue[] {
  return pem === '' || areAuthorities(pem) ? [] : [issue([name], 'Expected certificates in PEM')];
}

/** Texts between the certificates are comments, but no block of another kind is: a private key would be shown to readers. */
function areAuthorities(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  const isNothingElse = pem.split('-----BEGIN ').length === blocks.length + 1;
  try {
    return isNothingElse && blocks.length > 0 && blocks.every((block) => new X509Certificate(block).ca);
  } catch {
    return false;
  }
}

// For settings as the database has them.
export const isText = (value: unknown) => typeof value === 'string';
export const areTexts = (value: unknown) =>
  typeof value === 'object' && value !== null && Object.values(value).every(isText);

/** Whether the URL of a field may be asked. It need not exist yet. @throws PrivateAddressError, ValidationFailureError */
export async function requireAllowed(http: OutboundHttp, name: string, url: string): Promise<void> {
  try {
    await http.requireAllowed(url);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    if (error.fault === 'address_refused') throw new PrivateAddressError();
    const message = 'Expected an https URL without user, password or a port of another service';
    throw new ValidationFailureError([issue([name], message)]);
  }
}
