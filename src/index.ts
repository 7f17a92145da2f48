export type { IdentityAuth } from './database/entities/access-token.claims';
export { AccessTokenGuard } from './access-tokens/guarding/access-token.guard';
export { AccessTokenVerifier } from './access-tokens/verification/access-token.verifier';
export {
  AccessTokenRefusedError,
  ConflictingAccessTokensError,
  ExpiredAccessTokenError,
  ExternalIdTakenError,
  InvalidAlgorithmError,
  InvalidSignatureError,
  KeyChecksumError,
  KeyPrefixError,
  KeyTakenError,
  MalformedAccessTokenError,
  MissingAccessTokenError,
  RateLimitedError,
  type RefusalCode,
  TokenEndedError,
  TokenNotRotatableError,
  TokenRotatedBeforeError,
  UnknownKeyError,
  UntrustedAddressError,
} from './access-tokens/issuing/access-tokens.errors';
export type { KeyOptions } from './access-tokens/issuing/key-options';
export type { RateLimit } from './access-tokens/issuing/rate-limits';
export type { RequestLimits } from './access-tokens/issuing/request-limit-options';
export { InvalidIpError, TtlExceedsMaxError } from './access-tokens/issuing/access-token-policy';
export { Audited } from './access-tokens/guarding/audited.decorator';
export { rememberHandshake } from './access-tokens/guarding/call-origin';
export { Caller } from './access-tokens/guarding/caller.decorator';
export { AccessTokenPolicyDto } from './access-tokens/issuing/dto/access-token-policy.dto';
export {
  MissingMetadataError,
  OptionalAccessToken,
  Public,
  type RequiredMetadata,
  RequireMetadata,
} from './access-tokens/guarding/route-rules';
export type { TokenPermissions } from './access-tokens/issuing/token-permissions';
export type { CallerOrganization, VerifiedAccessToken } from './access-tokens/verification/verified-access-token';
export {
  AuthMethod,
  type ConfigurationChange,
  type Guess,
  type IdentityLoginAttempt,
  type LoginAttempt,
  type MethodConfiguration,
  type MethodSettings,
  type Proof,
} from './auth-methods/auth-method';
export {
  type AuthMethodDefinition,
  type AuthMethodDocs,
  type ConfigurationRefusals,
  type LoginDefinition,
  type ShownConfiguration,
  usualRefusals,
} from './auth-methods/auth-method.definition';
export { authMethodModule, type AuthMethodParts } from './auth-methods/auth-method.module';
export {
  AuthMethodNotConfiguredError,
  InvalidCredentialsError,
  LockedOutError,
  LoginError,
  type LoginErrorOptions,
} from './auth-methods/auth-methods.errors';
export {
  ClientSecretNotFoundError,
  ClientSecretNotRotatableError,
  ClientSecretRotatedBeforeError,
  TooManyClientSecretsError,
} from './auth-methods/universal-auth/universal-auth.errors';
export { AuthMethodDto } from './auth-methods/configuration/dto/auth-method.dto';
export { PeriodicPolicyDto } from './auth-methods/configuration/dto/periodic-policy.dto';
export { IdentityLoginDto, LoginDto } from './auth-methods/pipeline/dto/login.dto';
export {
  type FailedLogin,
  type LockedOut,
  SecurityEvents,
  type SucceededLogin,
} from './auth-methods/pipeline/security-events';
export type { SecurityEventsOption } from './auth-methods/pipeline/security-events.module';
export type {
  AccessTokenEvent,
  AccessTokenEventFields,
  AccessTokenEventName,
  AccessTokenEvents,
  EventActor,
  ExpiredEvent,
  FirstUsedEvent,
  IssuedEvent,
  RefusedEvent,
  RevokedEvent,
  RotatedEvent,
  TokenEventFields,
} from './changes/hooks/access-token-events';
export { AccessTokenHooks, type DeadLetter } from './changes/hooks/access-token-hooks';
export type { HookCounts } from './changes/hooks/hook.caller';
export { OnAccessToken, type OnAccessTokenOptions } from './changes/hooks/on-access-token.decorator';
export type { RequestOrigin } from './common/http/request-origin';
export type { IdentityAuthMethod } from './database/entities/identity-auth-method.entity';
export type { LockoutPolicy, LockoutSubject } from './auth-methods/pipeline/lockouts.service';
export { Clock } from './common/clock/clock';
export { Flag, Integer, ListOf, OneOf, Seconds, Text, TrimmedText } from './common/dto/request-fields';
export type { FieldOptions } from './common/dto/rules';
export { DatabaseUnavailableError, ValidationFailureError } from './common/errors/common.errors';
export { LatchkeyError } from './common/errors/latchkey.error';
export type { AddressedRequest } from './common/net/client-address';
export { isLatchkeyRoute } from './common/http/latchkey-controller.decorator';
export { LATCHKEY_DATA_SOURCE } from './database/connections/data-source-name';
export { latchkeyDataSourceOptions } from './database/connections/data-source-options';
export type { DatabaseLocation, DatabaseOptions, DatabaseTuning } from './database/database-options';
export { LATCHKEY_ENTITIES } from './database/entities/latchkey-entities';
export { migrateLatchkey } from './database/migrator';
export type { TokenFormat } from './access-tokens/issuing/token-handout';
export type { LoggedEvent } from './audit-log/logged-event';
export { AccessTokens } from './host-api/access-tokens';
export { AuditTrail, type NewAuditEvent } from './host-api/audit-trail';
export type { ChangeOptions, TransactionalClient, TransactionalManager } from './host-api/host-transaction.service';
export type {
  MachineIdentityList,
  MachineIdentityPage,
  MachineIdentityRecord,
  OrganizationRecord,
} from './host-api/identity-reader.service';
export type { AccessTokenPage, AccessTokenRecord, AccessTokenState, UsesRefill } from './host-api/key-reader.service';
export type {
  AccessTokenChanges,
  AccessTokenList,
  IssuedAccessToken,
  NewAccessToken,
  RotatedAccessToken,
  RotatedClientSecret,
  RotationOptions,
} from './host-api/key-types';
export {
  type MachineIdentityChanges,
  MachineIdentities,
  type NewMachineIdentity,
  type NewOrganization,
  type TokenPolicy,
} from './host-api/machine-identities';
export type { ImportedKey, ImportOutcome } from './host-api/key-import';
export { type SecretScanningRules, secretScanningRules } from './host-api/secret-scanning';
export { IdentityNotFoundError, UnknownRoleError } from './identities/identities.errors';
export { LatchkeyModule, type LatchkeyExtras } from './latchkey.module';
export { type LatchkeyOptions, LatchkeyOptionsError } from './latchkey.options';
export { latchkeyDocument } from './openapi/latchkey-document';
export { withLatchkeyDocument } from './openapi/merged-document';
export { Authorized } from './permissions/authorized.decorator';
export type { HostPermissions } from './permissions/permission-catalogue';
export { LastAdministratorError, PermissionDeniedError } from './permissions/permissions.errors';
export { PermissionGuard } from './permissions/permission.guard';
export { RequirePermission } from './permissions/require-permission.decorator';
export type { Role } from './permissions/roles';
export { TokenNotFoundError } from './token-auth/token-auth.errors';
export { TokenAuthModule } from './token-auth/token-auth.module';
export { LATCHKEY_MIGRATIONS } from '../migrations';
