import type { MethodConfiguration } from '../auth-method';
import type { AuthMethodDefinition } from '../auth-method.definition';

/** On whose behalf the requests of a login are sent: neither organizations nor their methods wait for the slots of each other. */
export function partyOf({ slug }: AuthMethodDefinition, { organizationId }: MethodConfiguration): string {
  return `${slug} ${organizationId}`;
}
