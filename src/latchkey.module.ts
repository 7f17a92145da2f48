import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { AccessTokensApiModule } from './access-tokens/access-tokens-api.module';
import { AccessTokensModule } from './access-tokens/access-tokens.module';
import { AUTH_METHOD_MODULES } from './auth-methods/auth-method-list';
import { HealthModule } from './health/health.module';
import { EmbeddingModule } from './embedding/embedding.module';
import { IdentitiesModule } from './identities/identities.module';
import { InstanceModule } from './instance/instance.module';
import { LatchkeyCoreModule } from './latchkey-core.module';
import { type ASYNC_OPTIONS_TYPE, type OPTIONS_TYPE } from './latchkey.module-definition';
import { MaintenanceModule } from './maintenance/maintenance.module';
import { LatchkeyOptionsError } from './latchkey.options';
import { OrganizationsModule } from './organizations/organizations.module';
import { PermissionsModule } from './permissions/permissions.module';
import { TokenAuthModule } from './token-auth/token-auth.module';

/** What shapes the module graph, and must therefore be known before any factory runs. */
export interface LatchkeyExtras {
  /**
   * Whether the REST API is mounted. Without it only the guard, its decorators and the services are there.
   * @default true
   */
  readonly controllers?: boolean;
  /**
   * Where the REST API is mounted: `/latchkey` makes it `/latchkey/api/v1/...`, behind the global prefix of the application
   * like any other route. Its clients are given that address as their site URL.
   * @default '' (the API is at `/api/v1/...`)
   */
  readonly mountPath?: string;
}

const REST_MODULES: Type[] = [
  AccessTokensApiModule,
  HealthModule,
  InstanceModule,
  OrganizationsModule,
  IdentitiesModule,
  TokenAuthModule,
  ...AUTH_METHOD_MODULES,
];

/** Machine identities and access tokens for a Nest application. */
@Module({
  imports: [AccessTokensModule, MaintenanceModule, PermissionsModule, EmbeddingModule],
  exports: [AccessTokensModule, PermissionsModule, EmbeddingModule],
})
export class LatchkeyModule {
  /** Sets Latchkey up with options known now. */
  static forRoot(options: typeof OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    return this.around(LatchkeyCoreModule.forRoot(options), options);
  }

  /** Sets Latchkey up with options that a factory or class of the application provides. */
  static forRootAsync(options: typeof ASYNC_OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    return this.around(LatchkeyCoreModule.forRootAsync(options), options);
  }

  private static around(core: DynamicModule, { controllers = true, mountPath = '' }: LatchkeyExtras): DynamicModule {
    const fault = faultOfMountPath(mountPath, controllers);
    if (fault !== undefined) throw new LatchkeyOptionsError([fault]);
    const mounted = mountPath === '' ? [] : [RouterModule.register([{ path: mountPath, children: REST_MODULES }])];
    return { module: LatchkeyModule, imports: [core, ...(controllers ? [...REST_MODULES, ...mounted] : [])] };
  }
}

function faultOfMountPath(mountPath: string, controllers: boolean): string | undefined {
  if (mountPath !== '' && !controllers)
    return 'mountPath must be left out with controllers: false, which mounts nothing';
  const isPath = /^(\/?[\w.~-]+(\/[\w.~-]+)*)?\/?$/.test(mountPath);
  return isPath ? undefined : 'mountPath must be a path such as /latchkey, without parameters or wildcards';
}
