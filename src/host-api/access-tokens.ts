import { Injectable } from '@nestjs/common';
import { AccessTokenCache } from '../access-tokens/verification/access-token.cache';
import { ShortKeyring } from '../access-tokens/issuing/short-key.keyring';
import type { TokenFormat } from '../access-tokens/issuing/token-handout';
import { Clock } from '../common/clock/clock';
import { isId, NIL_ID } from '../common/ids';
import { IdentityNotFoundError } from '../identities/identities.errors';
import { CreateTokenDto, UpdateTokenDto } from '../token-auth/dto/token-auth.dtos';
import { ChangeReceiptsService } from '../change-feed/change-receipts.service';
import { type ChangeOptions, HostTransactionService, organizationOf } from './host-transaction.service';
import { checked, requireKnown } from './input';
import { KeyChangesService } from './key-changes.service';
import { checkedKey, checkedRotation, requireExternalId, requireState } from './key-input';
import { checkedImport, type ImportedKey, type ImportOutcome } from './key-import';
import { KeyIssuingService, type KeyToIssue } from './key-issuing.service';
import { type AccessTokenPage, type AccessTokenRecord, KeyReaderService } from './key-reader.service';
import type {
  AccessTokenChanges,
  AccessTokenList,
  IssuedAccessToken,
  NewAccessToken,
  RotatedAccessToken,
  RotationOptions,
} from './key-types';

const SETTINGS = [
  'expiresAt',
  'permissions',
  'metadata',
  'usesLimit',
  'usesRefill',
  'rateLimits',
  'trustedIps',
] as const;
const NEW_KEY = ['identityId', 'name', 'externalId', ...SETTINGS] as const;

/**
 * Issues, lists, changes and revokes access tokens in a host's own code, in the host's own transaction if it passes one. It
 * checks no permission: the host decides who may call it. Each method throws DatabaseUnavailableError, and a TypeError for an
 * option that it does not know.
 */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly transaction: HostTransactionService,
    private readonly issuing: KeyIssuingService,
    private readonly shortKeys: ShortKeyring,
    private readonly changes: KeyChangesService,
    private readonly reader: KeyReaderService,
    private readonly clock: Clock,
    private readonly receipts: ChangeReceiptsService,
    private readonly cache: AccessTokenCache,
  ) {}

  /**
   * Makes a token for an identity that has Token Auth.
   *
   * @throws IdentityNotFoundError, AuthMethodNotConfiguredError, ValidationFailureError, InvalidIpError; ExternalIdTakenError
   */
  async issue(token: NewAccessToken, options: ChangeOptions = {}): Promise<IssuedAccessToken> {
    requireKnown('issue', token, ['format', ...NEW_KEY]);
    const { format: wanted, ...key } = token;
    const format = this.formatOf(wanted);
    const toIssue = await this.checked(key, options);
    return this.transaction.within('create-token-identity-token-auth', options, (work) =>
      this.issuing.issue(work, toIssue, format),
    );
  }

  private async checked(token: Omit<NewAccessToken, 'format'>, options: ChangeOptions): Promise<KeyToIssue> {
    const { identityId, name: given, ...settings } = token;
    const { name = null } = await checked(CreateTokenDto, { name: given });
    const key = checkedKey(settings, this.clock.now());
    if (!isId(identityId)) throw new IdentityNotFoundError(identityId);
    return { identityId, organizationId: organizationOf(options), name, key };
  }

  private formatOf(format: unknown = this.shortKeys.defaultFormat): TokenFormat {
    if (format !== 'key' && format !== 'jwt') throw new TypeError("format must be 'key' or 'jwt'");
    if (format === 'key') this.shortKeys.requirePrefix();
    return format;
  }

  /**
   * Takes over keys that another system has given out, so that their holders go on using them: up to 1000 in a call, each in its
   * own transaction unless one of yours is passed. A call can be repeated: a key that was imported before is left as it is. The
   * option `keys.imported` says how the keys begin.
   *
   * @throws ValidationFailureError before anything is written; KeyTakenError for a key that another identity has; and what
   * `issue` throws. The keys before it are imported then.
   */
  async import(keys: readonly ImportedKey[], options: ChangeOptions = {}): Promise<ImportOutcome[]> {
    const toImport = checkedImport(keys, this.shortKeys, NEW_KEY);
    const toIssue: KeyToIssue[] = [];
    for (const { settings } of toImport) toIssue.push(await this.checked(settings, options));
    const outcomes: ImportOutcome[] = [];
    for (const [index, key] of toImport.entries()) {
      const outcome = await this.transaction.within('create-token-identity-token-auth', options, (work) =>
        this.issuing.import(work, key, { index, toIssue: toIssue[index]! }),
      );
      outcomes.push(outcome);
    }
    return outcomes;
  }

  /**
   * One page of the keys of an identity or of an organization, newest first, those that have ended included. Reads one page's
   * worth of rows, however long the list is: for a `state`, up to 1000 rows.
   *
   * @throws ValidationFailureError
   */
  async list(list: AccessTokenList, options: ChangeOptions = {}): Promise<AccessTokenPage> {
    requireKnown('list', list, ['identityId', 'organizationId', 'cursor', 'limit', 'state']);
    const { identityId, organizationId, cursor, limit, state } = list as Partial<Record<string, unknown>> & typeof list;
    if ((identityId === undefined) === (organizationId === undefined)) {
      throw new TypeError('list takes either identityId or organizationId');
    }
    requireState(state);
    const of =
      identityId === undefined ? { organizationId: organizationId as string } : { identityId: identityId as string };
    const request = { of, within: organizationOf(options), cursor, limit, state };
    return this.transaction.read(options, (run) => this.reader.list(run, request));
  }

  /** A key by its id; null for a token that does not exist or was not issued by hand. */
  async get(tokenId: string, options: ChangeOptions = {}): Promise<AccessTokenRecord | null> {
    return this.transaction.read(options, (run) => this.reader.get(run, tokenId, organizationOf(options)));
  }

  /** The key with your own id. After rotations, the last key has the id. @throws ValidationFailureError */
  async find(
    key: { readonly externalId: string; readonly organizationId: string },
    options: ChangeOptions = {},
  ): Promise<AccessTokenRecord | null> {
    requireKnown('find', key, ['externalId', 'organizationId']);
    const externalId = requireExternalId(key.externalId);
    return this.transaction.read(options, (run) => this.reader.find(run, externalId, key.organizationId));
  }

  /** Gives a key another name: 1 to 255 characters. @throws TokenNotFoundError, TokenEndedError, ValidationFailureError */
  async rename(tokenId: string, name: string, options: ChangeOptions = {}): Promise<AccessTokenRecord> {
    return this.update(tokenId, { name }, options);
  }

  /**
   * Changes what is given; every node knows it after `revocationBoundMs`.
   *
   * @throws TokenNotFoundError; TokenEndedError for a key that was revoked or replaced; ValidationFailureError, InvalidIpError,
   * LastAdministratorError
   */
  async update(tokenId: string, key: AccessTokenChanges, options: ChangeOptions = {}): Promise<AccessTokenRecord> {
    requireKnown('update', key, ['name', ...SETTINGS]);
    const { name: given, ...settings } = key;
    const { name } = await checked(UpdateTokenDto, { name: given });
    const changes = { ...checkedKey(settings, this.clock.now()), name };
    const place = placeOf(tokenId, options);
    return this.transaction.takeAway('update-token-identity-token-auth', options, (work) =>
      this.changes.update(work, place, changes),
    );
  }

  /**
   * Disables a key until it is enabled again: it is refused with `access_token_disabled`, as soon as a revoked one.
   *
   * @throws LastAdministratorError
   * @returns false for a key that is disabled already, was revoked, or does not exist.
   */
  async disable(tokenId: string, options: ChangeOptions = {}): Promise<boolean> {
    const place = placeOf(tokenId, options);
    return this.transaction.takeAway('disable-token-identity-token-auth', options, (work) =>
      this.changes.disable(work, place),
    );
  }

  /** Makes a disabled key usable again. @returns false for a key that is not disabled, was revoked, or does not exist. */
  async enable(tokenId: string, options: ChangeOptions = {}): Promise<boolean> {
    const place = placeOf(tokenId, options);
    return this.transaction.within('enable-token-identity-token-auth', options, (work) =>
      this.changes.enable(work, place),
    );
  }

  /**
   * Replaces a key by a new one with the same name, id, permissions, labels, addresses and limits. The old one stays usable until
   * the new one is first used or `graceSeconds` are over. The new one lives as long as the old one was issued for.
   *
   * @throws TokenNotFoundError, TokenNotRotatableError, ValidationFailureError; TokenRotatedBeforeError for a key that another
   * call has replaced; LastAdministratorError where the new key of the last administrator would last for less than an hour
   */
  async rotate(tokenId: string, how: RotationOptions, options: ChangeOptions = {}): Promise<RotatedAccessToken> {
    requireKnown('rotate', how, ['graceSeconds', 'endsOldOnFirstUse', 'idempotencyKey']);
    const rotation = { ...placeOf(tokenId, options), ...checkedRotation(how) };
    return this.transaction.within('rotate-token-identity-token-auth', options, (work) =>
      this.changes.rotate(work, rotation),
    );
  }

  /**
   * Revokes a token for good, whichever auth method issued it. This process refuses its next use, and after `revocationBoundMs`
   * every node refuses it. In a transaction of the host, that time runs from the commit; `applyChanges` applies the change to this
   * process at once.
   *
   * @throws LastAdministratorError for the last credential of the last administrator of an organization
   * @returns false for a token that does not exist, or was revoked before.
   */
  async revoke(tokenId: string, options: ChangeOptions = {}): Promise<boolean> {
    if (!isId(tokenId)) return false;
    const place = placeOf(tokenId, options);
    return this.transaction.takeAway('revoke-identity-access-token', options, (work) =>
      this.changes.revoke(work, place),
    );
  }

  /**
   * Revokes every key of an identity, or of an organization. Tokens from logins are not keys: they end with their client secret
   * or their identity.
   *
   * @throws LastAdministratorError
   * @returns how many were revoked.
   */
  async revokeAll(
    whose: { readonly identityId: string } | { readonly organizationId: string },
    options: ChangeOptions = {},
  ): Promise<number> {
    requireKnown('revokeAll', whose, ['identityId', 'organizationId']);
    const holders = holdersOf(whose, organizationOf(options));
    if (holders === undefined) return 0;
    return this.transaction.takeAway('revoke-all-tokens-token-auth', options, (work) =>
      this.changes.revokeAll(work, holders),
    );
  }

  /**
   * To be called after a commit of the host: applies to this process at once what the transaction issued, revoked, changed or
   * deleted.
   */
  async applyChanges(): Promise<void> {
    await this.receipts.applyLocally();
    this.cache.discardRefusals();
  }
}

function placeOf(tokenId: string, options: ChangeOptions) {
  return { tokenId: isId(tokenId) ? tokenId : NIL_ID, organizationId: organizationOf(options) };
}

/** Undefined for a text that is not an id. @throws TypeError for both kinds of id, or neither */
function holdersOf(whose: { identityId?: string; organizationId?: string }, within: string | null) {
  const { identityId, organizationId } = whose;
  if ((identityId === undefined) === (organizationId === undefined)) {
    throw new TypeError('revokeAll takes either identityId or organizationId');
  }
  if (!isId(identityId ?? organizationId ?? '')) return undefined;
  if (identityId !== undefined) return { identityId, organizationId: within };
  return within === null || within === organizationId
    ? { identityId: null, organizationId: organizationId! }
    : undefined;
}
