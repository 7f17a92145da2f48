import { CreateSchema1764000000000 } from './1764000000000-create-schema';
import { NoteVerdictChanges1764100000000 } from './1764100000000-note-verdict-changes';
import { AddUniversalAuth1764200000000 } from './1764200000000-add-universal-auth';
import { NameIncarnations1764300000000 } from './1764300000000-name-incarnations';
import { NoteMetadataChanges1764400000000 } from './1764400000000-note-metadata-changes';
import { KeepIdentityAuth1764500000000 } from './1764500000000-keep-identity-auth';
import { SealAuthMethodSecrets1764600000000 } from './1764600000000-seal-auth-method-secrets';
import { KeepSignedLifetime1764650000000 } from './1764650000000-keep-signed-lifetime';
import { IndexOrganizations1764700000000 } from './1764700000000-index-organizations';
import { PlanTokenFactsOnce1764800000000 } from './1764800000000-plan-token-facts-once';
import { SettleUseBatches1764900000000 } from './1764900000000-settle-use-batches';
import { ReadTokenState1765100000000 } from './1765100000000-read-token-state';
import { WatchContents1765100050000 } from './1765100050000-watch-contents';
import { PushAfterCommit1765300000000 } from './1765300000000-push-after-commit';
import { PartTokensFromIdentities1765500000000 } from './1765500000000-part-tokens-from-identities';
import { KeepLabelKeysDistinct1765510000000 } from './1765510000000-keep-label-keys-distinct';
import { IndexIdentityLists1765600000000 } from './1765600000000-index-identity-lists';
import { NoteReplicatedChanges1765720000000 } from './1765720000000-note-replicated-changes';
import { AddKeys1766300000000 } from './1766300000000-add-keys';
import { AddShortKeys1766400000000 } from './1766400000000-add-short-keys';
import { AddRateLimits1766500000000 } from './1766500000000-add-rate-limits';
import { AddTokenEvents1766600000000 } from './1766600000000-add-token-events';
import { AddUsedSignedRequests1766700000000 } from './1766700000000-add-used-signed-requests';
import { AddRoles1766800000000 } from './1766800000000-add-roles';
import { AddAuditLog1766900000000 } from './1766900000000-add-audit-log';
import { AddProjects1767000000000 } from './1767000000000-add-projects';
import { KeepAuditChains1767050000000 } from './1767050000000-keep-audit-chains';
import { IndexAuditFilters1767060000000 } from './1767060000000-index-audit-filters';
import { AddAuditStreams1767100000000 } from './1767100000000-add-audit-streams';
import { PlanAuditEventsOnce1767110000000 } from './1767110000000-plan-audit-events-once';
import { AddAuditFollowers1767120000000 } from './1767120000000-add-audit-followers';
import { AddSecretRotation1767150000000 } from './1767150000000-add-secret-rotation';
import { ShareRateCounts1767160000000 } from './1767160000000-share-rate-counts';
import { IndexDueEvents1767250000000 } from './1767250000000-index-due-events';
import { IndexTokenEnds1767350000000 } from './1767350000000-index-token-ends';

/** Every migration, oldest first. A list and no glob, so that a host can run it too. */
export const LATCHKEY_MIGRATIONS = [
  CreateSchema1764000000000,
  NoteVerdictChanges1764100000000,
  AddUniversalAuth1764200000000,
  NameIncarnations1764300000000,
  NoteMetadataChanges1764400000000,
  KeepIdentityAuth1764500000000,
  SealAuthMethodSecrets1764600000000,
  KeepSignedLifetime1764650000000,
  IndexOrganizations1764700000000,
  PlanTokenFactsOnce1764800000000,
  SettleUseBatches1764900000000,
  ReadTokenState1765100000000,
  WatchContents1765100050000,
  PushAfterCommit1765300000000,
  PartTokensFromIdentities1765500000000,
  KeepLabelKeysDistinct1765510000000,
  IndexIdentityLists1765600000000,
  NoteReplicatedChanges1765720000000,
  AddKeys1766300000000,
  AddShortKeys1766400000000,
  AddRateLimits1766500000000,
  AddTokenEvents1766600000000,
  AddUsedSignedRequests1766700000000,
  AddRoles1766800000000,
  AddAuditLog1766900000000,
  AddProjects1767000000000,
  KeepAuditChains1767050000000,
  IndexAuditFilters1767060000000,
  AddAuditStreams1767100000000,
  PlanAuditEventsOnce1767110000000,
  AddAuditFollowers1767120000000,
  AddSecretRotation1767150000000,
  ShareRateCounts1767160000000,
  IndexDueEvents1767250000000,
  IndexTokenEnds1767350000000,
];
