/** The programs that the reference tells apart by their `User-Agent` (contract 3.10). */
export const USER_AGENT_TYPES = [
  'web',
  'cli',
  'k8-operator',
  'terraform',
  'InfisicalPythonSDK',
  'InfisicalNodeSDK',
  'other',
] as const;
export type UserAgentType = (typeof USER_AGENT_TYPES)[number];

const NAMED = new Set<string>(USER_AGENT_TYPES.filter((type) => type !== 'web' && type !== 'other'));

/** The kind of program that a `User-Agent` names. It is what the client says, and no proof. */
export function userAgentTypeOf(userAgent: string): UserAgentType {
  if (NAMED.has(userAgent)) return userAgent as UserAgentType;
  return /mozilla/i.test(userAgent) ? 'web' : 'other';
}
