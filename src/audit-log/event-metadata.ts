import type { ChangeTarget } from '../changes/change';

/** Larger metadata is left out, so that one change cannot fill the log: the ids stay. */
const MAX_BYTES = 16_384;
/** The most further targets that an event names. Their number is always stated. */
const MAX_OTHERS = 100;

/** The name that the id of a target has in the metadata of an event (contract 3.10). */
const ID_NAMES: Readonly<Record<ChangeTarget['type'], string>> = {
  identity: 'identityId',
  'auth-method': 'authMethodId',
  token: 'tokenId',
  'client-secret': 'clientSecretId',
  role: 'roleId',
  'log-stream': 'streamId',
  project: 'projectId',
  'project-membership': 'membershipId',
  'project-role': 'roleId',
  organization: 'organizationId',
  instance: 'instanceId',
};

/** The ids, names and settings of the objects that were changed. */
export function metadataOf(targets: readonly ChangeTarget[]): object {
  const [first, ...others] = targets;
  if (first === undefined) return {};
  const ids = { ...(first.identityId ? { identityId: first.identityId } : {}), [ID_NAMES[first.type]]: first.id };
  const named = others.slice(0, MAX_OTHERS).map(({ type, id }) => ({ type, id }));
  const rest = others.length > 0 ? { otherTargets: named, otherTargetCount: others.length } : {};
  const whole = { ...flat(first.details), ...rest, ...ids };
  return Buffer.byteLength(JSON.stringify(whole)) > MAX_BYTES ? { ...ids, isCut: true } : whole;
}

/** The settings of a method stand beside its policy, as in the bodies of its routes. */
function flat({ config, ...details }: Readonly<Record<string, unknown>> = {}): object {
  const all = { ...details, ...(typeof config === 'object' ? config : {}) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== null));
}
