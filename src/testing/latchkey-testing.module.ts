import { type DynamicModule, Global, Module, type Provider, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { AccessTokenGuard } from '../access-tokens/guarding/access-token.guard';
import { AccessTokenVerifier } from '../access-tokens/verification/access-token.verifier';
import { CallerRights } from '../access-tokens/verification/caller';
import { ObservationQueue } from '../changes/observation.queue';
import { AccessTokens } from '../host-api/access-tokens';
import { AuditTrail } from '../host-api/audit-trail';
import { MachineIdentities } from '../host-api/machine-identities';
import { LatchkeyModule } from '../latchkey.module';
import { LatchkeySettings } from '../latchkey.options';
import type { HostPermissions } from '../permissions/permission-catalogue';
import { PermissionGuard } from '../permissions/permission.guard';
import { PermissionsService } from '../permissions/permissions.service';
import { TestGate } from './test-gate';

/** The options of the application that the guards of a unit test know. */
export interface TestingOptions {
  /** The option `permissions` of the application. @default {} */
  readonly permissions?: HostPermissions;
}

function settingsWith(hostPermissions: HostPermissions): Provider {
  return { provide: LatchkeySettings, useValue: { hostPermissions } };
}

/** The services that a host's code injects, and that its unit tests replace. */
const TYPES = [AccessTokens, AuditTrail, MachineIdentities];
const SERVICES = TYPES.map((type): Provider => ({
  provide: type,
  useFactory: () => withoutDatabase(type),
}));

/** The verifier, as far as the guards know it. The declarations of `TestGate` do not show hosts that it has these methods. */
type VerifierParts = Pick<AccessTokenVerifier, keyof AccessTokenVerifier>;

const PROVIDERS: Provider[] = [
  TestGate,
  { provide: AccessTokenVerifier, inject: [TestGate], useFactory: (gate: TestGate): VerifierParts => gate },
  // Requests to handlers with `@Audited()` are recorded nowhere.
  { provide: ObservationQueue, useValue: { add: () => undefined } },
  { provide: CallerRights, useExisting: PermissionsService },
  PermissionsService,
  AccessTokenGuard,
  PermissionGuard,
];

/**
 * Takes the place of `LatchkeyModule` in a unit test: guarded controllers, resolvers and gateways work without a database, and
 * `TestGate` is told who calls.
 *
 * @throws TypeError in an application that is not made by `Test.createTestingModule`, and beside `LatchkeyModule`.
 */
@Global()
@Module({
  providers: [settingsWith({}), ...PROVIDERS, ...SERVICES],
  exports: [...PROVIDERS.map((one) => ('provide' in one ? one.provide : one)), ...TYPES],
})
export class LatchkeyTestingModule {
  constructor(modules: ModulesContainer) {
    const types = [...modules.values()].map(({ metatype }) => metatype);
    // The class that Nest makes for `Test.createTestingModule`.
    if (!types.some(({ name }) => name === 'RootTestModule')) {
      throw new TypeError(
        'LatchkeyTestingModule admits callers without a token: import it in Test.createTestingModule only',
      );
    }
    if (types.includes(LatchkeyModule)) {
      throw new TypeError('LatchkeyTestingModule takes the place of LatchkeyModule: import one of the two');
    }
  }

  /** The module with the options of the application. Without them no role has a permission of the host. */
  static with({ permissions = {} }: TestingOptions): DynamicModule {
    return { module: LatchkeyTestingModule, providers: [settingsWith(permissions)] };
  }
}

function withoutDatabase(type: Type<object>): object {
  const names = Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor');
  const refusals = names.map((name) => {
    const message = `${type.name}.${name} needs a database: use overrideProvider(${type.name}), or LatchkeyTestKit`;
    return [name, () => Promise.reject(new TypeError(message))] as const;
  });
  return Object.fromEntries(refusals);
}
